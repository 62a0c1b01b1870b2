import type { Answer, UsageScript } from '../../upstream/answer.ts';
import type { Scene, Script } from '../../upstream/breaking-vendor.ts';
import { before, type Form, speech } from '../../upstream/forms.ts';

/** The one right behaviour. */
export type Right =
  /** Nothing has reached the caller: another target answers; where there is none, one typed error says what happened. */
  | { readonly is: 'early'; readonly status: readonly number[]; readonly code: RegExp; readonly retryAfter?: readonly [number, number] }
  /** Content has reached the caller: what came stays, one typed error ends it, nobody else is asked. `all`: every word that was sent arrives. */
  | { readonly is: 'late'; readonly code: RegExp; readonly all: boolean }
  /** Nothing is wrong: the whole answer. */
  | { readonly is: 'good'; readonly estimated?: true; readonly attempts?: number }
  /** The request's own fault: told at once, and nobody else is asked. */
  | { readonly is: 'own'; readonly status: number };

export interface Fault {
  /** Also the script's name: letters, digits and dashes. */
  readonly name: string;
  /** Whether callers who stream see it, those who do not, or both. */
  readonly on: 'both' | 'stream' | 'whole';
  readonly right: Right;
  /** Only a time limit ends it. */
  readonly waits?: true;
  /** The connection must not stay: closed within a second of the end. */
  readonly closes?: true;
  /** It breaks off inside an event: where bytes pass as they came, the caller has a part of it, which is closed before the error. */
  readonly tears?: true;
  /** Of which vendors it can be told. */
  readonly only?: (form: Form) => boolean;
  /** Whom it happens at before any request is read. */
  readonly at?: 'closed' | 'slamming';
  /** Tries on one target; 1 when absent. */
  readonly attempts?: number;
  /** Requests that the vendor must see; 1 when absent. */
  readonly asked?: number;
  readonly script: Script;
}

export const FIRST = 'first';
export const SECOND = 'second';
/** Words of each answer, a token each. */
export const WORDS = 12;
export const SECOND_WORDS = 9;
/** Words that were said before a fault in the middle. */
export const SAID = 6;

export const answerOf = (usage?: UsageScript['kind']): Answer => speech(FIRST, WORDS, usage);
export const framesOf = ({ form }: Scene, usage?: UsageScript['kind']): readonly Buffer[] => form.frames(answerOf(usage));
export const wordAt = (at: number): string => `${FIRST}${at}`;
export const opening = (scene: Scene): Buffer => Buffer.concat(before(framesOf(scene), wordAt(0)));
export const half = (scene: Scene, said = SAID): Buffer => Buffer.concat(before(framesOf(scene), wordAt(said)));
export const all = (scene: Scene, usage?: UsageScript['kind']): Buffer => Buffer.concat(framesOf(scene, usage));
export const whole = ({ form }: Scene, usage?: UsageScript['kind']): Buffer => Buffer.from(form.whole(answerOf(usage)));
/** What a good answer to this call would be. */
export const bodyOf = (scene: Scene): Buffer => (scene.stream ? all(scene) : whole(scene));
export const typeOf = ({ form, stream }: Scene): { readonly 'content-type': string } => ({
  'content-type': stream ? form.streamType : 'application/json',
});

/** Answers with the error of the vendor's own dialect. */
export function refuse(
  { form, respond }: Scene,
  status: number,
  headers: { readonly [name: string]: string } = {},
  text = `scripted ${status}`,
) {
  const error = form.error(status, text);
  respond(status, { ...error.headers, ...headers }, error.body);
}

/** What a vendor is called that broke off, whatever of it is noticed first. */
export const broken = (also = ''): Right => ({
  is: 'early',
  status: [502],
  code: new RegExp(`^(?:upstream_unreachable|upstream_interrupted|upstream_invalid${also})$`),
});
export const late = (code = 'upstream_interrupted', everything = true): Right => ({
  is: 'late',
  code: new RegExp(`^(?:${code})$`),
  all: everything,
});
export const tooSlow: Right = { is: 'early', status: [504], code: /^upstream_timeout$/ };
export const isText = ({ dialect }: Form): boolean => dialect !== 'bedrock';
