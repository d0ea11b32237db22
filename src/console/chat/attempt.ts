import { messageOf } from "../messages.ts";
import { toast } from "../ui/toast.tsx";

/** Waits for a deed and tells how it went; true where it was done. */
export async function attempt(deed: Promise<unknown>, done?: string): Promise<boolean> {
  try {
    await deed;
    if (done) toast(done);
    return true;
  } catch (error) {
    toast(messageOf(error), "error");
    return false;
  }
}
