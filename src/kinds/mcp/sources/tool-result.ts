import type { JsonObject } from '../../../core/json.ts';

/** What is wrong with how a tool was called: its caller, usually a model, is told in a result and may try again. */
export class Misuse extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'Misuse';
  }
}

/** What a tool has to say. */
export const said = (text: string): JsonObject => ({ content: [{ type: 'text', text }] });

/** The same of what went wrong. */
export const failed = (text: string): JsonObject => ({ ...said(text), isError: true });

export const tooLarge = (most: number): JsonObject =>
  failed(`The API answered with more than ${most} bytes, which the operator does not allow. Ask for less: a page, a filter, fewer fields.`);

/** Of what is more than the gateway passes on anywhere: 64 deep, or of 200,000 values. */
export const tooDeep = (): JsonObject => failed('The API answered with more, or deeper, than a result may be. Ask for less.');
