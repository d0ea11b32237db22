import { useEffect, useRef } from "react";
import { Button } from "./button.tsx";

/** Loads the next page when it comes into sight; the button does the same without scrolling. */
export function More(props: { shown: boolean; busy: boolean; load: () => void }) {
  const ref = useRef<HTMLDivElement>(null);
  const { shown, busy } = props;
  const load = useRef(props.load);
  useEffect(() => {
    load.current = props.load;
  });
  useEffect(() => {
    const element = ref.current;
    if (!element || !shown || busy) return;
    const observer = new IntersectionObserver(
      ([entry]) => entry?.isIntersecting && load.current(),
      { rootMargin: "300px" },
    );
    observer.observe(element);
    return () => observer.disconnect();
  }, [shown, busy]);
  if (!shown) return null;
  return (
    <div ref={ref} className="mt-3 flex justify-center">
      <Button busy={busy} onClick={props.load}>
        Load more
      </Button>
    </div>
  );
}
