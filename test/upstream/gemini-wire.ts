import type { Answer } from './answer.ts';
import type { Wire } from './wire.ts';

/** `generateContent` as https://ai.google.dev/api/generate-content shows it on the wire. Nothing but the end ends a stream. */
export const geminiWire: Wire = {
  path: '/v1beta/models',
  address(url) {
    const [, model = '', verb = ''] = /^\/v1beta\/models\/([^/]+):([a-zA-Z]+)$/.exec(url.pathname) ?? [];
    if (verb !== 'generateContent' && verb !== 'streamGenerateContent') return undefined;
    // Without it the vendor answers with one JSON array, which the gateway must never ask for.
    if (verb === 'streamGenerateContent' && url.searchParams.get('alt') !== 'sse') return undefined;
    return { model: decodeURIComponent(model), stream: verb === 'streamGenerateContent' };
  },
  terminator: '',
  frames,
  whole: (answer) => response(answer, answer.pieces.flatMap(parts), answer.usage, FINISH[answer.finish]),
  error: (status, text) => ({ error: { code: status, message: text, status: STATUS[status] ?? 'INTERNAL' } }),
  errorFrame: (text) => event({ error: { code: 503, message: text, status: 'UNAVAILABLE' } }),
};

const STATUS: { readonly [status: number]: string } = {
  400: 'INVALID_ARGUMENT',
  404: 'NOT_FOUND',
  429: 'RESOURCE_EXHAUSTED',
  503: 'UNAVAILABLE',
};
const FINISH = { stop: 'STOP', length: 'MAX_TOKENS', 'tool-calls': 'STOP' } as const;
/** The vendor ends its lines as HTTP does. */
const event = (value: object) => `data: ${JSON.stringify(value)}\r\n\r\n`;

type Counted = { readonly kind: string; readonly input: number; readonly output: number };
type Finish = (typeof FINISH)[Answer['finish']];

const response = (answer: Answer, parts: readonly object[], usage: Counted | undefined, finishReason?: Finish): object => ({
  candidates: [{ content: { parts, role: 'model' }, ...(finishReason === undefined ? {} : { finishReason }), index: 0 }],
  ...(usage === undefined || usage.kind === 'absent' ? {} : { usageMetadata: counts(usage) }),
  modelVersion: answer.model,
  responseId: answer.id,
});

const counts = ({ input, output }: Counted) => ({
  promptTokenCount: input,
  candidatesTokenCount: output,
  totalTokenCount: input + output,
});

/** Functions are called whole and without ids; the first call and the text carry the thought's signature. */
function parts(piece: Answer['pieces'][number], at: number, all: Answer['pieces']): object[] {
  const whole = piece.deltas.join('');
  const signature = all.find((each) => each.type === 'thinking')?.signature;
  const signed = signature === undefined || all.findIndex(({ type }) => type !== 'thinking') !== at ? {} : { thoughtSignature: signature };
  switch (piece.type) {
    case 'text':
      return [{ text: whole, ...signed }];
    case 'thinking':
      return [{ text: whole, thought: true }];
    case 'tool':
      return [{ functionCall: { name: piece.name, args: JSON.parse(whole) as object }, ...signed }];
  }
}

function frames(answer: Answer): string[] {
  const script = answer.usage;
  const pieces = answer.pieces.flatMap((piece, at, all): object[] => {
    if (piece.type === 'tool') return parts(piece, at, all);
    const texts = piece.deltas.map((text) => (piece.type === 'thinking' ? { text, thought: true } : { text }));
    const signature = all.find((each) => each.type === 'thinking')?.signature;
    return piece.type === 'text' && signature !== undefined ? [...texts, { text: '', thoughtSignature: signature }] : texts;
  });
  const usageAt = (at: number): Counted | undefined => {
    if (script.kind === 'first') return at === 0 ? script : undefined;
    return script.kind === 'twice' ? { ...script, output: at + 1 } : undefined;
  };
  const body = pieces.map((part, at) => event(response(answer, [part], usageAt(at))));
  return [...body, event(response(answer, [{ text: '' }], script.kind === 'first' ? undefined : script, FINISH[answer.finish]))];
}
