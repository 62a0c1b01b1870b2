/** What has come of a stream so far, and whether it has ended. */
export class Reading {
  text = '';
  hasEnded = false;
  readonly response: Response;

  constructor(response: Response, until: AbortSignal) {
    this.response = response;
    void this.#read(until).catch(() => undefined);
  }

  async #read(until: AbortSignal): Promise<void> {
    if (this.response.body === null) return;
    const decoder = new TextDecoder();
    const reader = this.response.body.getReader();
    until.addEventListener('abort', () => void reader.cancel().catch(() => undefined));
    try {
      for (let piece = await reader.read(); !piece.done; piece = await reader.read())
        this.text += decoder.decode(piece.value, { stream: true });
    } finally {
      this.hasEnded = true;
    }
  }
}
