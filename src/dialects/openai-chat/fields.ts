import * as fields from '../../core/fields.ts';
import type { JsonObject } from '../../core/json.ts';

/** The id of this dialect: the key of its extras and raw parts. */
export const ID = 'openai-chat';

export const extraOf = (left: JsonObject | undefined) => fields.extraOf(ID, left);
export const ownExtra = (extra: JsonObject | undefined, at: string, loss: Set<string>) => fields.ownExtra(ID, extra, at, loss);
