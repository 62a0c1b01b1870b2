import { writeFile } from 'node:fs/promises';
import path from 'node:path';

// The WebAssembly module that scans vectors, assembled here from its instructions, so that what is committed can be made
// again with nothing but Node: `node scripts/vectors/assemble.mjs`. Binary format and opcodes are those of the WebAssembly
// core specification 2.0 (webassembly.github.io/spec/core/binary).

const I32 = 0x7f;
const F64 = 0x7c;
const V128 = 0x7b;

/** Unsigned LEB128. */
function uint(value) {
  const bytes = [];
  for (let rest = value; ; ) {
    const low = rest & 0x7f;
    rest >>>= 7;
    bytes.push(rest === 0 ? low : low | 0x80);
    if (rest === 0) return bytes;
  }
}

const counted = (items) => [...uint(items.length), ...items.flat()];
const sized = (bytes) => [...uint(bytes.length), ...bytes];
const section = (id, bytes) => [id, ...sized(bytes)];
const text = (name) => sized([...new TextEncoder().encode(name)]);

const get = (local) => [0x20, ...uint(local)];
const set = (local) => [0x21, ...uint(local)];
const int = (value) => [0x41, ...signed(value)];
const add = [0x6a];
const subtract = [0x6b];
const shiftLeft = [0x74];
const shiftRight = [0x76]; // unsigned
const isAtMost = [0x4d]; // unsigned
const lessThan = [0x49]; // unsigned
const loop = (...body) => [0x03, 0x40, ...body.flat(), 0x0b];
const again = (...condition) => [...condition.flat(), 0x0d, 0x00];
/** Adds to a local. */
const advance = (local, ...by) => [...get(local), ...by.flat(), ...add, ...set(local)];
const load32 = [0x28, 0x02, 0x00];
const store32 = (offset = 0) => [0x36, 0x02, ...uint(offset)];
const store16 = [0x3b, 0x01, 0x00];

/** Doubles. */
const toDouble = [0xb7];
const absolute = [0x99];
const times = [0xa2];
const isAtLeast = [0x66];

const simd = (opcode, ...immediates) => [0xfd, ...uint(opcode), ...immediates];
const at = (offset) => [0x00, ...uint(offset)]; // any alignment
const load = (offset) => simd(0x00, ...at(offset));
const loadWidened = (offset) => simd(0x01, ...at(offset)); // eight int8 as eight int16
const zeros = simd(0x0c, ...new Array(16).fill(0));
const lane = (index) => simd(0x1b, index);
const xor = simd(0x51);
const bitCounts = simd(0x62);
const signBits = simd(0x64);
const pairsOfBytes = simd(0x7d);
const pairsOfShorts = simd(0x7f);
const addShorts = simd(0x8e);
const addInts = simd(0xae);
const dotShorts = simd(0xba);

/** Signed LEB128 of a small number. */
function signed(value) {
  if (value >= -64 && value < 64) return [value & 0x7f];
  return [(value & 0x7f) | 0x80, ...signed(value >> 7)];
}

/** The sum of the four lanes of a local. */
const total = (local) => [...[0, 1, 2, 3].flatMap((index) => [...get(local), ...lane(index)]), ...add, ...add, ...add];

/**
 * near(vectors, count, stride, query, squares, bar, out): int8 vectors, stride a multiple of 16; the query as int16; squares
 * of the vectors' lengths as int32. Of each row whose product with the query, times its own amount, is at least the bar
 * times the row's square: its number and the product, as int32. Returns how many.
 */
const near = () => {
  const [vector, count, stride, query, squares, bar, out] = [0, 1, 2, 3, 4, 5, 6];
  const [row, from, end, to, dot, double, sum] = [7, 8, 9, 10, 11, 12, 13];
  const half = (offset) => [
    ...get(sum),
    ...get(vector),
    ...loadWidened(offset),
    ...get(from),
    ...load(offset * 2),
    ...dotShorts,
    ...addInts,
    ...set(sum),
  ];
  return {
    parameters: [I32, I32, I32, I32, I32, F64, I32],
    locals: [I32, I32, I32, I32, I32, F64, V128],
    body: [
      ...get(out),
      ...set(to),
      ...loop(
        zeros,
        set(sum),
        get(query),
        set(from),
        [...get(vector), ...get(stride), ...add, ...set(end)],
        loop(half(0), half(8), advance(vector, int(16)), advance(from, int(32)), again(get(vector), get(end), lessThan)),
        [...total(sum), ...set(dot)],
        // Written in any case, and written over where it is not near enough: there is nothing to predict.
        [...get(to), ...get(row), ...store32()],
        [...get(to), ...get(dot), ...store32(4)],
        [...get(dot), ...toDouble, ...set(double)],
        get(to),
        [...get(double), ...get(double), ...absolute, ...times],
        [...get(bar), ...get(squares), ...load32, ...toDouble, ...times],
        isAtLeast,
        [...int(3), ...shiftLeft, ...add, ...set(to)],
        advance(squares, int(4)),
        advance(row, int(1)),
        advance(count, int(-1)),
        again(get(count)),
      ),
      ...get(to),
      ...get(out),
      ...subtract,
      ...int(3),
      ...shiftRight,
    ],
  };
};

/** like(signs, count, stride, query, most, out): numbers of the rows of which no more bits differ, as int32; stride a multiple of 16. Returns how many. */
const like = () => {
  const [signs, count, stride, query, most, out] = [0, 1, 2, 3, 4, 5];
  const [row, from, end, to, sum] = [6, 7, 8, 9, 10];
  return {
    parameters: [I32, I32, I32, I32, I32, I32],
    locals: [I32, I32, I32, I32, V128],
    body: [
      ...get(out),
      ...set(to),
      ...loop(
        zeros,
        set(sum),
        get(query),
        set(from),
        [...get(signs), ...get(stride), ...add, ...set(end)],
        loop(
          [...get(sum), ...get(signs), ...load(0), ...get(from), ...load(0), ...xor, ...bitCounts, ...pairsOfBytes, ...addShorts],
          set(sum),
          advance(signs, int(16)),
          advance(from, int(16)),
          again(get(signs), get(end), lessThan),
        ),
        [...get(sum), ...pairsOfShorts, ...set(sum)],
        [...get(to), ...get(row), ...store32()],
        get(to),
        [...total(sum), ...get(most), ...isAtMost],
        [...int(2), ...shiftLeft, ...add, ...set(to)],
        advance(row, int(1)),
        advance(count, int(-1)),
        again(get(count)),
      ),
      ...get(to),
      ...get(out),
      ...subtract,
      ...int(2),
      ...shiftRight,
    ],
  };
};

/** signs(vectors, count, stride, out, outStride): one bit a number, set where it is negative. */
const signs = () => {
  const [vector, count, stride, out, outStride, to, end] = [0, 1, 2, 3, 4, 5, 6];
  return {
    parameters: [I32, I32, I32, I32, I32],
    locals: [I32, I32],
    returns: false,
    body: loop(
      get(out),
      set(to),
      [...get(vector), ...get(stride), ...add, ...set(end)],
      loop(
        [...get(to), ...get(vector), ...load(0), ...signBits, ...store16],
        advance(vector, int(16)),
        advance(to, int(2)),
        again(get(vector), get(end), lessThan),
      ),
      advance(out, get(outStride)),
      advance(count, int(-1)),
      again(get(count)),
    ),
  };
};

/** squares(vectors, count, stride, out): the product of each vector with itself, as int32. */
const squares = () => {
  const [vector, count, stride, out, end, sum, numbers] = [0, 1, 2, 3, 4, 5, 6];
  const half = (offset) => [
    ...get(vector),
    ...loadWidened(offset),
    ...set(numbers),
    ...get(sum),
    ...get(numbers),
    ...get(numbers),
    ...dotShorts,
    ...addInts,
    ...set(sum),
  ];
  return {
    parameters: [I32, I32, I32, I32],
    locals: [I32, V128, V128],
    returns: false,
    body: loop(
      zeros,
      set(sum),
      [...get(vector), ...get(stride), ...add, ...set(end)],
      loop(half(0), half(8), advance(vector, int(16)), again(get(vector), get(end), lessThan)),
      get(out),
      total(sum),
      store32(),
      advance(out, int(4)),
      advance(count, int(-1)),
      again(get(count)),
    ),
  };
};

/** The whole module: its functions and one memory of a page, all exported. */
export function assemble() {
  const functions = { near: near(), like: like(), signs: signs(), squares: squares() };
  const each = Object.values(functions);
  const types = each.map(({ parameters, returns = true }) => [
    0x60,
    ...counted(parameters.map((type) => [type])),
    ...counted(returns ? [[I32]] : []),
  ]);
  const exported = Object.keys(functions).map((name, index) => [...text(name), 0x00, ...uint(index)]);
  const code = each.map(({ locals, body }) => sized([...counted(locals.map((type) => [0x01, type])), ...body.flat(), 0x0b]));
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, counted(types)),
    ...section(3, counted(each.map((_, index) => uint(index)))),
    ...section(5, counted([[0x00, 0x01]])),
    ...section(7, counted([...exported, [...text('memory'), 0x02, 0x00]])),
    ...section(10, counted(code)),
  ]);
}

if (process.argv[1] === import.meta.filename) {
  const file = path.join(import.meta.dirname, '../../src/state/vectors/scan.wasm');
  const bytes = assemble();
  await writeFile(file, bytes);
  console.log(`${bytes.length} bytes`);
}
