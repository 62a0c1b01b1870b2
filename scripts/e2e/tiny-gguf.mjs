// A language model of half a megabyte with random weights, in the format that llama.cpp loads: real tokens, real
// sampling, real timing, and no sense in what it says. Layout: github.com/ggml-org/ggml/blob/master/docs/gguf.md

const SIZE = { embedding: 64, feedForward: 128, layers: 2, heads: 4, context: 2048 };
const SYLLABLES = ['ba', 'da', 'fe', 'go', 'ki', 'lu', 'ma', 'ne', 'po', 'ri', 'su', 'te', 'vo', 'wa', 'zi'];
const WORDS = SYLLABLES.flatMap((first) => SYLLABLES.map((second) => `▁${first}${second}`));
const [NORMAL, UNKNOWN, CONTROL, BYTE] = [1, 2, 3, 6];
const ALIGNMENT = 32;

const vocabulary = [
  ['<unk>', UNKNOWN],
  ['<s>', CONTROL],
  ['</s>', CONTROL],
  ...Array.from({ length: 256 }, (_, byte) => [`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`, BYTE]),
  ...WORDS.map((word) => [word, NORMAL]),
];

const u32 = (value) => Buffer.from(Uint32Array.of(value).buffer);
const u64 = (value) => Buffer.from(BigUint64Array.of(BigInt(value)).buffer);
const f32 = (values) => Buffer.from(Float32Array.from(values).buffer);
const text = (value) => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);
/** Values with the numbers of their types. */
const uint32 = (value) => [u32(4), u32(value)];
const float32 = (value) => [u32(6), f32([value])];
const string = (value) => [u32(8), text(value)];
const list = (type, items) => [u32(9), u32(type), u64(items.length), ...items];

const metadata = {
  'general.architecture': string('llama'),
  'general.name': string('random'),
  'llama.context_length': uint32(SIZE.context),
  'llama.embedding_length': uint32(SIZE.embedding),
  'llama.block_count': uint32(SIZE.layers),
  'llama.feed_forward_length': uint32(SIZE.feedForward),
  'llama.attention.head_count': uint32(SIZE.heads),
  'llama.attention.head_count_kv': uint32(SIZE.heads),
  'llama.attention.layer_norm_rms_epsilon': float32(1e-5),
  'llama.rope.dimension_count': uint32(SIZE.embedding / SIZE.heads),
  'llama.vocab_size': uint32(vocabulary.length),
  'tokenizer.ggml.model': string('llama'),
  'tokenizer.ggml.tokens': list(
    8,
    vocabulary.map(([token]) => text(token)),
  ),
  'tokenizer.ggml.scores': list(
    6,
    vocabulary.map((_, at) => f32([-at])),
  ),
  'tokenizer.ggml.token_type': list(
    5,
    vocabulary.map(([, type]) => u32(type)),
  ),
  'tokenizer.ggml.unknown_token_id': uint32(0),
  'tokenizer.ggml.bos_token_id': uint32(1),
  'tokenizer.ggml.eos_token_id': uint32(2),
};

/** The same numbers every time. */
function generator(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

function tensors() {
  const random = generator(7);
  const { embedding: e, feedForward: f } = SIZE;
  const weights = (name, columns, rows, scale = 0.3) => ({
    name,
    shape: [columns, rows],
    values: Array.from({ length: columns * rows }, () => random() * scale),
  });
  const norm = (name) => ({ name, shape: [e], values: Array.from({ length: e }, () => 1) });
  const layer = (at) => [
    norm(`blk.${at}.attn_norm.weight`),
    ...['q', 'k', 'v', 'output'].map((part) => weights(`blk.${at}.attn_${part}.weight`, e, e)),
    norm(`blk.${at}.ffn_norm.weight`),
    weights(`blk.${at}.ffn_gate.weight`, e, f),
    weights(`blk.${at}.ffn_up.weight`, e, f),
    weights(`blk.${at}.ffn_down.weight`, f, e),
  ];
  const output = weights('output.weight', e, vocabulary.length, 2);
  // Only words are likely to be said: bytes and controls get no weight.
  output.values.fill(0, 0, (vocabulary.length - WORDS.length) * e);
  return [
    weights('token_embd.weight', e, vocabulary.length, 1),
    ...Array.from({ length: SIZE.layers }, (_, at) => layer(at)).flat(),
    norm('output_norm.weight'),
    output,
  ];
}

const padding = (length) => Buffer.alloc((ALIGNMENT - (length % ALIGNMENT)) % ALIGNMENT);

/** The file's bytes. */
export function tinyModel() {
  const all = tensors().map((tensor) => ({ ...tensor, data: f32(tensor.values) }));
  const keys = Object.entries(metadata).flatMap(([key, value]) => [text(key), ...value]);
  let offset = 0;
  const infos = all.flatMap(({ name, shape, data }) => {
    const info = [text(name), u32(shape.length), ...shape.map(u64), u32(0), u64(offset)];
    offset += data.length + padding(data.length).length;
    return info;
  });
  const head = Buffer.concat([Buffer.from('GGUF'), u32(3), u64(all.length), u64(Object.keys(metadata).length), ...keys, ...infos]);
  return Buffer.concat([head, padding(head.length), ...all.flatMap(({ data }) => [data, padding(data.length)])]);
}
