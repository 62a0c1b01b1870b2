import type { Answer } from './answer.ts';

/** A vendor's wire format, as the vendor writes it. Independent of the gateway's own codecs on purpose. */
export interface Wire {
  readonly path: string;
  /** What the URL says, of wires that name the model there. */
  address?(url: URL): { readonly model: string; readonly stream: boolean } | undefined;
  /** Of its streams, where they are not server-sent events. */
  readonly contentType?: string;
  /** Where a call that does not say whether to stream streams. */
  readonly streamsByDefault?: true;
  /** The frame that ends a complete stream. */
  readonly terminator: string;
  frames(answer: Answer, asksUsage: boolean): string[];
  whole(answer: Answer): object;
  error(status: number, text: string, type?: string): object;
  errorFrame(text: string, type?: string): string;
}
