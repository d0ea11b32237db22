import { Scroll } from "../ui/scroll.tsx";

/** Lines of somebody's list that could not be taken, and why. */
export function RowErrors(props: { rows: { row: number; field?: string; message: string }[] }) {
  return (
    <Scroll label="Lines that failed" className="mt-3 max-h-72 rounded-lg border border-line">
      <table className="w-full text-[0.8125rem]">
        <thead>
          <tr>
            <th className="th w-16">Line</th>
            <th className="th">What to change</th>
          </tr>
        </thead>
        <tbody>
          {props.rows.map((row) => (
            <tr key={`${row.row} ${row.field ?? ""} ${row.message}`}>
              <td className="td tabular-nums">{row.row}</td>
              <td className="td text-danger">
                {row.field ? `${row.field}: ` : ""}
                {row.message}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
