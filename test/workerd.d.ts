/** What workerd has and browsers have not, for tests in Node that load modules of the Worker. */
interface ReadableStreamBYOBReader {
  readAtLeast<T extends ArrayBufferView>(minElements: number, view: T): Promise<ReadableStreamReadResult<T>>;
}
