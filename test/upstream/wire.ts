import type { Answer } from './answer.ts';

/** A vendor's wire format, as the vendor writes it. Independent of the gateway's own codecs on purpose. */
export interface Wire {
  readonly path: string;
  /** The frame that ends a complete stream. */
  readonly terminator: string;
  frames(answer: Answer, asksUsage: boolean): string[];
  whole(answer: Answer): object;
  error(status: number, text: string, type?: string): object;
  errorFrame(text: string, type?: string): string;
}
