import { isArray, isObject, type Json, type JsonObject } from '../../../../core/json.ts';

/** How a task stands, in one spelling for all versions. */
export type TaskState =
  | 'submitted'
  | 'working'
  | 'completed'
  | 'failed'
  | 'canceled'
  | 'rejected'
  | 'input-required'
  | 'auth-required'
  | 'unknown';

const STATES: ReadonlySet<string> = new Set([
  ...['submitted', 'working', 'completed', 'failed', 'canceled', 'rejected', 'input-required', 'auth-required'],
]);

/** What an agent has made of a message: a task that goes on, or an answer at once. */
export interface Turn {
  readonly id: string | undefined;
  readonly contextId: string | undefined;
  readonly state: TaskState;
  /** What it says of how it stands. */
  readonly said: string;
  /** Another for each time that it says how it stands. */
  readonly mark: string;
  /** What it has made, as content of a tool's result. */
  readonly content: readonly JsonObject[];
}

const textIn = (value: JsonObject, field: string): string | undefined => {
  const text = value[field];
  return typeof text === 'string' && text !== '' ? text : undefined;
};
const listIn = (value: JsonObject, field: string): readonly JsonObject[] => {
  const list = value[field];
  return isArray(list) ? list.filter(isObject) : [];
};

/** `{task}` or `{message}` of 1.0, or either by itself as in 0.3; `undefined` where it is neither. */
export function readTurn(answer: Json | undefined): Turn | undefined {
  if (!isObject(answer)) return undefined;
  const task = isObject(answer.task) ? answer.task : isObject(answer.status) ? answer : undefined;
  if (task !== undefined) return turnOfTask(task);
  const message = isObject(answer.message) ? answer.message : isArray(answer.parts) ? answer : undefined;
  if (message === undefined) return undefined;
  const content = contentOf(listIn(message, 'parts'));
  return { id: undefined, contextId: textIn(message, 'contextId'), state: 'completed', said: textOf(content), mark: '', content };
}

function turnOfTask(task: JsonObject): Turn {
  const status = isObject(task.status) ? task.status : {};
  const message = isObject(status.message) ? status.message : {};
  const said = contentOf(listIn(message, 'parts'));
  const made = listIn(task, 'artifacts').flatMap((each) => contentOf(listIn(each, 'parts')));
  return {
    id: textIn(task, 'id'),
    contextId: textIn(task, 'contextId'),
    state: stateOf(textIn(status, 'state')),
    said: textOf(said),
    mark: JSON.stringify([textIn(message, 'messageId'), textIn(status, 'timestamp'), textOf(said)]),
    content: made.length > 0 ? made : said.length > 0 ? said : lastSaid(task),
  };
}

/** An agent that made nothing and says nothing more has said it before. */
function lastSaid(task: JsonObject): readonly JsonObject[] {
  const last = listIn(task, 'history').findLast(({ role }) => role === 'ROLE_AGENT' || role === 'agent');
  return last === undefined ? [] : contentOf(listIn(last, 'parts'));
}

function stateOf(written: string | undefined): TaskState {
  const state = (written ?? '')
    .replace(/^TASK_STATE_/, '')
    .toLowerCase()
    .replaceAll('_', '-');
  return STATES.has(state) ? (state as TaskState) : 'unknown';
}

const textOf = (content: readonly JsonObject[]): string => content.flatMap(({ text }) => (typeof text === 'string' ? text : [])).join('\n');
const contentOf = (parts: readonly JsonObject[]): readonly JsonObject[] => parts.flatMap(blockOf);

/** A part in the words of MCP: of 1.0 by the field it has, of 0.3 by its kind. */
function blockOf(part: JsonObject): readonly JsonObject[] {
  if (typeof part.text === 'string') return [{ type: 'text', text: part.text }];
  if (part.data !== undefined) return [{ type: 'text', text: JSON.stringify(part.data) }];
  const file = isObject(part.file) ? part.file : part;
  const bytes = textIn(file, 'raw') ?? textIn(file, 'bytes');
  const mimeType = textIn(file, 'mediaType') ?? textIn(file, 'mimeType') ?? 'application/octet-stream';
  const name = textIn(file, 'filename') ?? textIn(file, 'name') ?? 'file';
  if (bytes !== undefined) return [blobOf(bytes, mimeType, name)];
  const url = textIn(file, 'url') ?? textIn(file, 'uri');
  // An address is the agent's own: the gateway fetches nothing of it, and gives nobody a link that it cannot serve.
  return url === undefined ? [] : [{ type: 'text', text: `${name}: ${url}` }];
}

function blobOf(data: string, mimeType: string, name: string): JsonObject {
  if (mimeType.startsWith('image/')) return { type: 'image', data, mimeType };
  if (mimeType.startsWith('audio/')) return { type: 'audio', data, mimeType };
  return { type: 'resource', resource: { uri: `artifact:///${encodeURIComponent(name)}`, mimeType, blob: data } };
}
