import type { CallHead } from './dialect.ts';
import type { GatewayError } from './errors.ts';
import type { JsonObject } from './json.ts';
import type { Ports } from './ports.ts';
import { Wire } from './wire.ts';

/** What beside chat is asked of a language model's provider. */
export type OperationName =
  | 'embeddings'
  | 'rerank'
  | 'moderations'
  | 'image-generation'
  | 'image-edit'
  | 'image-variation'
  | 'speech'
  | 'transcription'
  | 'audio-translation'
  | 'files'
  | 'batches'
  | 'realtime'
  /** Only to ask a policy whether a model may be named. */
  | 'models';

/** Where a provider serves an operation, and in what form. */
export interface OperationRoute {
  /**
   * Resolved against the base URL with a slash behind it (RFC 3986 section 5.2): `embeddings` stands below it,
   * `../../v2/embed` two segments above. `{model}` stands for the model's name. Absent: the operation's own path.
   */
  readonly path?: string;
  /** The dialect whose base URL it is; absent: `openai-chat`, or the provider's native one. */
  readonly dialect?: string;
  /** The vendor's own form of the operation, translated to and from the usual one where they differ. */
  readonly shape?: string;
}

/**
 * The operations of a provider. What is not named is forwarded in OpenAI's form where the provider speaks
 * `openai-chat`, so that a server nobody listed needs no entry; `false` says that there is none.
 */
export type ProviderOperations = { readonly [operation in OperationName]?: OperationRoute | false };

/** How an operation looks at the bodies of its calls. */
export interface OperationBody {
  /** Throws `invalid_request` naming the field. */
  head(body: JsonObject): CallHead;
  /** Every text a person or model wrote in the body, edited; the same object when nothing changed. */
  texts(body: JsonObject, edit: (text: string) => string): JsonObject;
}

/** One file of a form. */
export interface CarriedFile {
  /** The field it stands in. */
  readonly field: string;
  readonly filename: string;
  readonly bytes: number;
  /** Its beginning, 64 bytes at most: what tells a format. */
  readonly head: Uint8Array;
}

/** The files of a call that came as a form, on their way past the policies. Its text fields are the call's body. */
export interface CarriedForm {
  readonly contentType: string;
  /** Whether all of it is here, so that it can be sent more than once. */
  readonly isHeld: boolean;
  /** Whether there is room to hold all of it. */
  readonly fits: boolean;
  /** The text fields known so far; a name that may stand several times (`…[]`) is a list. */
  readonly fields: JsonObject;
  /** The files of a form that is held. */
  readonly files: readonly CarriedFile[];
  /** What was wrong with bytes that had left already: the provider's connection was cut for it. */
  readonly fault: GatewayError | undefined;
  /** Reads all of it. Throws `request_too_large`, with `why` it had to be held. */
  hold(why: string): Promise<void>;
  /** The form with these fields changed; one that is not held can be had once. */
  send(edits: ReadonlyMap<string, string>, ports: Ports): { readonly stream: ReadableStream<Uint8Array> };
}

/**
 * A call of another operation than chat. Policies see its model and its texts as they see those of a chat call; of a
 * form, the text fields are its body and the files are carried past it.
 */
export class OperationCall {
  readonly kind = 'llm' as const;
  /** Only chat calls have one. */
  readonly dialect = undefined;

  constructor(
    readonly operation: OperationName,
    readonly wire: Wire,
    readonly head: CallHead,
    /** Caller headers a provider may be handed, lower case. */
    readonly headers: Headers,
    /** The form the caller speaks: `openai`, `cohere`, `gemini`, … */
    readonly shape: string,
    readonly body: OperationBody,
    readonly form?: CarriedForm,
  ) {}

  /** `text` is one JSON object. Throws `invalid_json` and `invalid_request`. */
  static read(operation: OperationName, text: string, headers: Headers, shape: string, body: OperationBody): OperationCall {
    const wire = Wire.read(text);
    return new OperationCall(operation, wire, body.head(wire.json()), headers, shape, body);
  }

  texts(edit: (text: string) => string): OperationCall {
    const before = this.wire.json();
    const edited = this.body.texts(before, edit);
    return edited === before ? this : this.withBody(edited);
  }

  /** The same call with another body; top-level fields that did not change keep their text. */
  withBody(body: JsonObject): OperationCall {
    const before = this.wire.json();
    const names = [...new Set([...Object.keys(before), ...Object.keys(body)])].filter((name) => before[name] !== body[name]);
    return this.#with(Wire.read(this.wire.patched(Object.fromEntries(names.map((name) => [name, body[name]])))), this.head);
  }

  withModel(model: string): OperationCall {
    return this.#with(Wire.read(this.wire.patched({ model })), { ...this.head, model });
  }

  #with(wire: Wire, head: CallHead): OperationCall {
    return new OperationCall(this.operation, wire, head, this.headers, this.shape, this.body, this.form);
  }
}
