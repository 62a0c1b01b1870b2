/** A prompt as what its author wrote once, and what the question at hand put into it. */
export interface Template {
  /** Everything but the slot; '' for a plain question. To be the same, two prompts must have the same one, to the letter. */
  readonly skeleton: string;
  /** What may be compared by meaning; '' where that is not certain to be all that varies. */
  readonly slot: string;
}

/**
 * A long prompt with a short question in it is like every other one of its template, whatever is asked
 * (docs/semantic-cache.md): only the question is compared, and the rest must be equal. What counts as the question:
 *
 * - a prompt of one line without a block: all of it;
 * - what follows the last label that announces a question, on its line or on the next ones, up to a label like `Answer:`;
 * - the last line, where it is a question by its mark and everything before it is context.
 *
 * Everything else of several lines, with fenced code, quoted blocks or marked-up sections at its end, is doubtful.
 * Linear.
 */
export function templateOf(text: string): Template {
  const lines = text.replaceAll('\r\n', '\n').split('\n');
  const said = lines.flatMap((line, at) => (line.trim() === '' ? [] : [at]));
  const first = said[0];
  const last = said.at(-1);
  if (first === undefined || last === undefined) return doubtful(text);
  if (said.length === 1) return ofOneLine(lines[first] ?? '', text);
  const labelled = said.filter((at) => labelOf(lines[at] ?? '') !== undefined).at(-1);
  if (labelled !== undefined) return ofLabel(lines, said, labelled) ?? doubtful(text);
  const line = (lines[last] ?? '').trim();
  if (!line.endsWith('?') || hasMark(line)) return doubtful(text);
  return { skeleton: `${lines.slice(0, last).join('\n')}\n${HOLE}`, slot: line };
}

/** Where the slot was. No prompt holds it: it is no character of any text. */
const HOLE = '\u0000';
const doubtful = (text: string): Template => ({ skeleton: text, slot: '' });

/** Labels before what a person asks; what stands behind others ("Text:", "Review:") is material, and compared by no meaning. */
const ASKS = new Set(
  `question|q|query|user question|user query|user|customer|customer question|customer query|the question|my question|request|user request
  |human|asked|here is the question|answer the following question|answer this question|question is`
    .split('|')
    .map((label) => label.trim()),
);
const ANSWERS = new Set(['answer', 'a', 'response', 'reply', 'assistant', 'output', 'ai', 'your answer', 'final answer', 'helpful answer']);
const LONGEST_LABEL = 40;

/** The label at the start of a line, lower case, without emphasis; nothing where there is none. */
function labelOf(line: string): { readonly label: string; readonly end: number } | undefined {
  const colon = line.slice(0, LONGEST_LABEL + 1).indexOf(':');
  if (colon <= 0) return undefined;
  const label = bare(line.slice(0, colon));
  if (!ASKS.has(label)) return undefined;
  // **Question:** ends its emphasis behind the colon.
  return { label, end: line.startsWith('**', colon + 1) ? colon + 3 : colon + 1 };
}

const bare = (text: string) =>
  text
    .replace(/[*#_>-]/g, ' ')
    .trim()
    .toLowerCase();

const isAnswer = (line: string) => {
  const plain = line.trim();
  return plain.endsWith(':') ? ANSWERS.has(bare(plain.slice(0, -1))) : false;
};

function ofOneLine(line: string, text: string): Template {
  const found = labelOf(line);
  if (found !== undefined) return { skeleton: `${line.slice(0, found.end).trim()}${HOLE}`, slot: line.slice(found.end).trim() };
  return hasMark(line) || hasPayload(line) ? doubtful(text) : { skeleton: '', slot: line.trim() };
}

function ofLabel(lines: readonly string[], said: readonly number[], at: number): Template | undefined {
  const line = lines[at] ?? '';
  const end = labelOf(line)?.end ?? 0;
  const following = said.filter((each) => each > at);
  const same = line.slice(end).trim();
  const rest = same === '' ? following.slice(1) : following;
  const where = same === '' ? following[0] : at;
  const slot = same === '' ? (lines[where ?? at] ?? '').trim() : same;
  if (where === undefined || slot === '' || hasMark(slot) || rest.length > 1 || !rest.every((each) => isAnswer(lines[each] ?? '')))
    return undefined;
  const skeleton = lines.map((each, index) => {
    if (index === at) return `${each.slice(0, end)}${same === '' ? '' : HOLE}`;
    return index === where ? HOLE : each;
  });
  return { skeleton: skeleton.join('\n'), slot };
}

/** Fences, tags and braces of templates: what they enclose is not told apart here. */
const hasMark = (line: string) =>
  line.includes('```') || line.includes('"""') || line.includes("'''") || /<\/[A-Za-z]|\{\{|\]\]|\[INST/.test(line);

/** "Fix the grammar: he go home" is a task and its material. A colon inside a number or an address is none. */
function hasPayload(line: string): boolean {
  const colon = line.indexOf(': ');
  return (
    colon > 0 &&
    line
      .slice(colon + 2)
      .trim()
      .split(/\s+/, 4).length > 2
  );
}
