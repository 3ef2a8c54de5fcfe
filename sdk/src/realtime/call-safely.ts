/** Calls the handler of an app. One that throws must not cost the next ones their turn, so its error is thrown later. */
export function callSafely(call: () => void): void {
  try {
    call();
  } catch (error) {
    setTimeout(() => {
      throw error;
    }, 0);
  }
}
