/** What the scripted vendor says, whichever wire it says it on. */
export interface Answer {
  readonly id: string;
  readonly model: string;
  readonly pieces: readonly Piece[];
  readonly finish: 'stop' | 'length' | 'tool-calls';
  readonly usage: UsageScript;
}

export type Piece =
  | { readonly type: 'text'; readonly deltas: readonly string[] }
  | { readonly type: 'thinking'; readonly deltas: readonly string[]; readonly signature: string }
  | { readonly type: 'tool'; readonly id: string; readonly name: string; readonly deltas: readonly string[] };

/** How the vendor reports usage. `first`: only at the beginning; `twice`: cumulative, the last one counts. */
export type UsageScript =
  | { readonly kind: 'last' | 'absent' | 'first' | 'twice' | 'after-end'; readonly input: number; readonly output: number }
  | { readonly kind: 'absurd'; readonly input: number; readonly output: number };

export const INPUT_TOKENS = 11;

/** Text of so many words, one delta each. */
export const wordList = (count: number): string[] => Array.from({ length: count }, (_, at) => (at === 0 ? 'w0' : ` w${at}`));

/** Two-, three- and four-byte characters, a joined emoji, a lone CR in JSON, and line separators that are none in SSE. */
export const MULTIBYTE = ['Zürich ', '日本語 ', '👩‍🚀', ' a\r\nb', ' \u2028\u2029', ' done'];

const CITIES = ['Zürich', 'Oslo', 'Lima', 'Kyōto'];

function toolCalls(count: number): Piece[] {
  return Array.from({ length: count }, (_, at) => {
    const text = JSON.stringify({ city: CITIES[at % CITIES.length], days: at + 1 });
    return { type: 'tool', id: `call_${at + 1}`, name: 'get_weather', deltas: text.match(/.{1,5}/gsu) ?? [] };
  });
}

export const PERSON = { name: 'Ada', age: 36 };

type Content = (number: (name: string, fallback: number) => number) => Pick<Answer, 'pieces' | 'finish'>;

const text = (deltas: readonly string[]): Pick<Answer, 'pieces' | 'finish'> => ({ pieces: [{ type: 'text', deltas }], finish: 'stop' });

export const contents: { readonly [name: string]: Content } = {
  /** `from`: what goes on with an answer of so many words. */
  text: (number) => text(wordList(number('words', 20)).slice(number('from', 0))),
  /** Words with the space behind them. */
  spaced: (number) => text(wordList(number('words', 20)).map((word) => `${word.trim()} `)),
  multibyte: () => text(MULTIBYTE),
  short: () => text(['Zü', ' 👩‍🚀']),
  json: () => text(JSON.stringify(PERSON).match(/.{1,4}/gsu) ?? []),
  length: () => ({ ...text(wordList(3)), finish: 'length' }),
  tools: (number) => ({
    pieces: [{ type: 'text', deltas: ['Let me', ' look.'] }, ...toolCalls(number('calls', 2))],
    finish: 'tool-calls',
  }),
  thinking: () => ({
    pieces: [
      { type: 'thinking', deltas: ['First', ' this, then', ' that.'], signature: 'c2lnbmVk' },
      { type: 'text', deltas: ['The', ' answer.'] },
    ],
    finish: 'stop',
  }),
};

export const textOf = (answer: Answer): string => answer.pieces.flatMap((piece) => (piece.type === 'text' ? piece.deltas : [])).join('');

export const outputTokens = (answer: Pick<Answer, 'pieces'>): number => answer.pieces.reduce((sum, { deltas }) => sum + deltas.length, 0);
