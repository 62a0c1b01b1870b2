import type { Json } from '../../core/json.ts';
import type { Ask } from './ask.ts';
import { invalid, SandboxFault, words } from './ask.ts';
import { LABEL, minimalInstance } from './schema.ts';

/** One thing a model does; `word`, `thought` and `input` are one token each and take time. */
export type Step =
  | { readonly do: 'thought'; readonly text: string }
  | { readonly do: 'sign'; readonly signature: string }
  | { readonly do: 'word'; readonly text: string }
  | { readonly do: 'refuse'; readonly text: string }
  | { readonly do: 'call'; readonly id: string; readonly name: string }
  | { readonly do: 'input'; readonly text: string }
  | { readonly do: 'finish'; readonly reason: Finish }
  /** The answer goes wrong here: the connection breaks, a typed error comes, or the stream just stops. */
  | { readonly do: 'fail'; readonly mode: FailMode; readonly fault: SandboxFault };

export type Finish = 'stop' | 'length' | 'tool-calls' | 'refusal';
export type FailMode = 'cut' | 'event' | 'end';

/** Whole numbers from the model's own query, with the bounds they are held to. */
const PARAMETERS = {
  /** Milliseconds between two tokens, and before the first. */
  delay: { least: 0, most: 60_000 },
  first: { least: 0, most: 600_000 },
  words: { least: 1, most: 100_000 },
  status: { least: 400, most: 599 },
  after: { least: 0, most: 100_000 },
  /** Seconds in `retry-after`. */
  retry: { least: 0, most: 86_400 },
  /** Input tokens said to come from a cache. */
  cached: { least: 0, most: 1_000_000 },
} as const;

type Numbers = { readonly [name in keyof typeof PARAMETERS]?: number };
export type Parameters = Numbers & { readonly mode?: FailMode; readonly type?: string };

type Player = (ask: Ask, given: Parameters) => readonly Step[];

/** The sandbox's models by name; what each answers to `GET /v1/models` is its name alone. */
export const models: { readonly [name: string]: Player } = {
  echo: (ask) => says(ask.lastText),
  slow: (ask) => says(ask.lastText),
  long: (_, { words: count = 500 }) => says(filler(count)),
  length: (ask) => [...says(filler(ask.maxTokens ?? 16)).slice(0, ask.maxTokens ?? 16), { do: 'finish', reason: 'length' }],
  refuse: () => [
    ...words(`${LABEL} I was asked to refuse this request.`).map((text): Step => ({ do: 'refuse', text })),
    { do: 'finish', reason: 'refusal' },
  ],
  json: (ask) => [...fragments(ask.schema === undefined || ask.schema === true ? { answer: LABEL } : minimalInstance(ask.schema)), STOP],
  think: thinks,
  tools: callsTools,
  error: (ask, given) => failsAfter(says(ask.lastText === '' ? filler(100) : `${ask.lastText} ${filler(100)}`), given),
};

const STOP: Step = { do: 'finish', reason: 'stop' };

/** The steps a model plays, cut where the caller's token limit is reached. */
export function play(ask: Ask, name: string, given: Parameters): readonly Step[] {
  const player = Object.hasOwn(models, name) ? models[name] : undefined;
  if (player === undefined) throw notFound(name);
  return limit(player(ask, given), ask.maxTokens);
}

const notFound = (name: string): SandboxFault =>
  new SandboxFault(
    404,
    `The model sandbox/${name} does not exist. There are: ${Object.keys(models)
      .map((each) => `sandbox/${each}`)
      .join(', ')}.`,
    {
      code: 'model_not_found',
      param: 'model',
    },
  );

/** Splits `slow?delay=10` into name and parameters; throws for a parameter nobody reads. */
export function readModel(model: string): { readonly name: string; readonly given: Parameters } {
  const [name = '', query = ''] = model.replace(/^sandbox\//, '').split('?', 2);
  const given: { [name: string]: number | string } = {};
  for (const [key, value] of new URLSearchParams(query)) given[key] = readParameter(key, value);
  return { name, given };
}

function readParameter(key: string, value: string): number | string {
  if (key === 'type') return value;
  if (key === 'mode') {
    if (value === 'cut' || value === 'event' || value === 'end') return value;
    throw invalid('model', 'The parameter mode of a sandbox model is cut, event or end.');
  }
  const bounds = Object.entries(PARAMETERS).find(([name]) => name === key)?.[1];
  if (bounds === undefined) {
    throw invalid('model', `A sandbox model has no parameter ${key}. There are: mode, type, ${Object.keys(PARAMETERS).join(', ')}.`);
  }
  const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= bounds.least && number <= bounds.most) return number;
  throw invalid('model', `The parameter ${key} of a sandbox model is a whole number from ${bounds.least} to ${bounds.most}.`);
}

export const isToken = (step: Step): boolean => step.do === 'word' || step.do === 'thought' || step.do === 'input' || step.do === 'refuse';

function limit(steps: readonly Step[], most: number | undefined): readonly Step[] {
  if (most === undefined) return steps;
  let tokens = 0;
  const cut = steps.findIndex((step) => isToken(step) && ++tokens > most);
  return cut < 0 ? steps : [...steps.slice(0, cut), { do: 'finish', reason: 'length' }];
}

/** The label is one token, so that no limit cuts it in two. */
const spoken = (text: string): readonly Step[] => [{ do: 'word', text: text === '' ? LABEL : `${LABEL} ` }, ...words(text).map(word)];
const word = (text: string): Step => ({ do: 'word', text });
const says = (text: string): readonly Step[] => [...spoken(text), STOP];

const WORDS = ['water', 'runs', 'over', 'the', 'weir', 'and', 'is', 'measured', 'while', 'it', 'falls'];
const filler = (count: number): string => Array.from({ length: count }, (_, index) => WORDS[index % WORDS.length]).join(' ');

/** JSON in fragments of a few characters, as a model types it. */
const pieces = (value: Json): readonly string[] => JSON.stringify(value).match(/.{1,6}/gsu) ?? [];
const fragments = (value: Json): readonly Step[] => pieces(value).map(word);

/** What `think` signs its thinking with: anybody can recompute it, so it proves nothing but that the text came back unchanged. */
export function sign(text: string): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return btoa(`weir-sandbox-${(hash >>> 0).toString(16).padStart(8, '0')}`);
}

function thinks(ask: Ask): readonly Step[] {
  for (const { text, signature } of ask.thinking) {
    if (signature !== undefined && signature !== sign(text)) throw invalid('messages', 'Invalid `signature` in `thinking` block.');
  }
  const thought = `${LABEL} The caller wrote ${ask.words} words. I will repeat the last message.`;
  const back = ask.thinking.length === 0 ? '' : `(${ask.thinking.length} earlier thinking came back unchanged) `;
  const thinking: readonly Step[] = [
    ...words(thought).map((text): Step => ({ do: 'thought', text })),
    { do: 'sign', signature: sign(thought) },
  ];
  return [...(ask.thinkingOff ? [] : thinking), ...says(`${back}${ask.lastText}`)];
}

function callsTools(ask: Ask): readonly Step[] {
  if (ask.toolResults.length > 0) return says(`The tools answered: ${ask.toolResults.map((result) => JSON.stringify(result)).join(', ')}`);
  const called = ask.tools.slice(0, ask.parallel ? 2 : 1);
  if (called.length === 0) return says('No tool was given that I may call.');
  const calls = called.flatMap(({ name, schema }, index): readonly Step[] => [
    { do: 'call', id: `sandbox_${ask.messages}_${index}`, name },
    ...pieces(minimalInstance(schema)).map((text): Step => ({ do: 'input', text })),
  ]);
  return [...spoken(`calls ${called.map(({ name }) => name).join(', ')}`), ...calls, { do: 'finish', reason: 'tool-calls' }];
}

function failsAfter(steps: readonly Step[], { status = 500, after = 0, retry, type, mode = 'cut' }: Parameters): readonly Step[] {
  const retryAfter = retry ?? (status === 429 || status === 503 || status === 529 ? 1 : undefined);
  const fault = new SandboxFault(status, `${LABEL} The failure that was asked for: ${status}.`, {
    ...(type !== undefined && { type }),
    ...(retryAfter !== undefined && { retryAfter }),
  });
  if (after === 0) throw fault;
  const shown = steps.filter(isToken).slice(0, after);
  return [...shown, { do: 'fail', mode, fault }];
}
