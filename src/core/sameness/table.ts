/** A table that is made when it is first asked for: an isolate that compares no questions does not make it. */
export function table<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
