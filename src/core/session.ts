import type { Identity } from './exchange.ts';
import type { Json, JsonObject } from './json.ts';
import type { Clock, Continuity, Egress, Ports, Secrets } from './ports.ts';

/** What has happened on one stream of a session, for who comes back for it. */
export interface SessionEvents {
  append(stream: string, data: string): number;
  /** What came after a place on a stream, oldest first. */
  after(stream: string, seq: number): readonly { readonly seq: number; readonly data: string }[];
  forget(stream: string): void;
}

/** What of a session outlives its object's memory. Gone with the session. */
export interface SessionStorage {
  get(name: string): Json | undefined;
  put(name: string, value: Json): void;
  delete(name: string): void;
  readonly events: SessionEvents;
  /** The session lives on for so many milliseconds from now. */
  keepFor(ms: number): void;
  clear(): void;
}

/** A chat call that is made for a caller in the midst of another call. */
export interface ChatInside {
  readonly who: Identity;
  /** What the caller says of all its calls: the run, the user, what they are attributed to. */
  readonly headers: { readonly [name: string]: string };
  /** In OpenAI's form. */
  readonly body: JsonObject;
  readonly signal: AbortSignal;
}

/** What a session works with. */
export interface SessionInstruments {
  readonly clock: Clock;
  readonly egress: Egress;
  readonly secrets: Secrets;
  readonly storage: SessionStorage;
  /** Absent where the deployment has no secret: then nothing can be sealed. */
  readonly continuity: Continuity | undefined;
  /** The gateway's own, for calls that are made inside of the session. */
  readonly ports: Ports;
  /** Has a chat call answered by the gateway itself. */
  chat(call: ChatInside): Promise<Response>;
}

/** What runs in one session: asked by the gateway alone, in words of the kind's own. */
export interface SessionHost {
  serve(request: Request): Promise<Response>;
  /** The session has ended by itself. */
  expire(): Promise<void>;
}

/** A place where things stay in memory between the requests of one caller. */
export interface Sessions {
  /** `name`: whoever knows it and is the same owner is in the same session; nobody else is. */
  ask(owner: string, name: string, request: Request): Promise<Response>;
}
