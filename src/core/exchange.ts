import type { LlmCall } from './call.ts';
import type { Chat, ChatChunk, Usage } from './chat.ts';
import type { Drain } from './drain.ts';
import type { CallHold } from './hold.ts';
import type { Json, JsonObject } from './json.ts';
import type { Limited } from './ledger/limits.ts';
import type { Embedder } from './meaning/embedder.ts';
import type { TokenRef } from './oauth.ts';
import type { OperationCall } from './operation.ts';
import type { Ports } from './ports.ts';
import type { Decision } from './routing/decision.ts';
import type { Allowed } from './tenant.ts';
import type { Vigil } from './vigil.ts';

/** What each kind calls its calls and chunks. A new kind adds itself by declaration merging. */
export interface Canon {
  llm: { readonly call: LlmCall | OperationCall; readonly chunk: ChatChunk; readonly canonical: Chat };
}

export type KindName = keyof Canon;
export type Call = Canon[KindName]['call'];
export type Chunk = Canon[KindName]['chunk'];

/** Who asks. Nothing runs before identity. */
export interface Identity {
  /** The key's id, never the key. */
  readonly keyId: string;
  readonly org: string;
  readonly team: string;
  readonly app: string;
  /** Whose the things are that calls leave for later ones: the app's, so that they outlive a key. */
  readonly principal: string;
  /** The end user a credential names, which the caller cannot choose; limits `per` user count by it. */
  readonly user?: string;
  /** What may be asked; absent: everything. */
  readonly allowed?: Allowed;
  /** The limits of every level, widest first; absent: none. */
  readonly limits?: readonly Limited[];
  /** What the operator says of the caller, for the attribution of costs. */
  readonly metadata?: JsonObject;
  /** What the caller's token says, where it has shown one: its issuer answers for it. */
  readonly claims?: JsonObject;
  /** What the caller's token may be used for (RFC 6749 section 3.3); absent where the credential knows no scopes, as keys do. */
  readonly scopes?: readonly string[];
  /** The gateway's own access token that the caller came with; absent for every other credential. */
  readonly token?: TokenRef;
  /** How often anything in the organisation had changed when this was read: a higher number seen elsewhere makes it out of date. */
  readonly generation?: number;
}

/** Where a call goes, as far as the answer depends on it. */
export interface Destination {
  /** `provider/model`. */
  readonly model: string;
  readonly provider: string;
  /** What else decides about the answer beside the call's body: the configuration, and what is said in headers. */
  readonly under: Json;
}

/** Who asks, where, with what instruments; never changes while the exchange runs. */
export interface Exchange {
  readonly id: string;
  readonly who: Identity;
  readonly route: { readonly name: string; readonly kind: KindName };
  readonly surface: Surface;
  readonly ports: Ports;
  /** Present where limits hold who asks. */
  readonly hold?: CallHold | undefined;
  /** What the caller calls the run that the call belongs to. */
  readonly run?: string | undefined;
  /** The end user: whom the credential names, or else the caller. */
  readonly user?: string | undefined;
  /** What the call is attributed to: what the operator says of the caller over what the caller says. */
  readonly metadata?: JsonObject | undefined;
  /** Where it comes from, as the edge says it: ISO 3166-1 alpha-2, in capitals. */
  readonly country?: string | undefined;
  /** Absent where nobody can say what has changed since the call began. */
  readonly vigil?: Vigil | undefined;
  /** Aborted when the caller leaves, and with a `drain` when its time is over. */
  readonly signal: AbortSignal;
  /** Present where the answer is read on though the caller has left. */
  readonly drain?: Drain | undefined;
  /** Whether the signal alone tells that the caller has left, because the platform does not end the call by itself. */
  readonly listens?: true | undefined;
  /** Takes how the call finds its way, as soon as that begins to be decided: what is written into it later counts too. */
  decided?(decision: Decision): void;
  /** Where a call would be sent first, whatever becomes of it then; absent where nobody can say. Throws what routing throws. */
  destination?(call: Canon['llm']['call']): Promise<Destination | undefined>;
  /** The embedder of a configured model (`provider/model`), or the isolate's own; `undefined` where there is none. Throws `model_not_found` for what is not configured. */
  embedder?(model: string | undefined): Embedder | undefined;
  /** Makes the call once more behind the answer, as its caller would with `x-weir-cache: refresh`; nobody hears the answer. Never rejects. */
  again?(): Promise<void>;
  /** Says something in the head of the answer. */
  tell?(header: string, value: string): void;
  /** Records a fact in the exchange's log row. */
  note(fact: string, value: Json): void;
}

/** The same handles on any protocol, so that a guardrail is written once. */
export interface Surface {
  /** The call with every text a person or model wrote edited; the same call when nothing changed. */
  texts(call: Call, edit: (text: string) => string): Call;
  /** The text of a chunk and the content part it continues; `undefined` for a chunk without text. */
  textOf(chunk: Chunk): { readonly part: number; readonly text: string } | undefined;
  withText(chunk: Chunk, text: string): Chunk;
  /** The alternative answer whose content a chunk continues or ends; `all` where it ends or divides every one; `undefined` outside the content (usage, the start). */
  choiceOf(chunk: Chunk): number | 'all' | undefined;
  usage(chunk: Chunk): Usage | undefined;
  /** Every reply ends in exactly one last chunk. */
  isLast(chunk: Chunk): boolean;
}
