import type { CarriedFile } from '../../../core/operation.ts';

/** Seconds of a recording. */
export interface AudioLength {
  /** It is no longer than this. */
  readonly most: number;
  /** What it is likely to be, for vendors that do not say. */
  readonly about: number;
}

/** Bytes a second: the fewest that a format needs, and those that recordings usually have. */
interface Density {
  readonly least: number;
  readonly usual: number;
}

/** MPEG-2's and 2.5's layer III begins at 8 kbit/s; AAC is not heard of below. */
const MP3: Density = { least: 1_000, usual: 4_000 };
const AAC: Density = { least: 1_000, usual: 8_000 };
/** Opus begins at 6 kbit/s (RFC 6716 section 2.1.1). */
const OPUS: Density = { least: 750, usual: 4_000 };
/** AMR, the sparsest that vendors take, begins at 4.75 kbit/s. */
const ANY: Density = { least: 590, usual: 4_000 };

const BY_ENDING: { readonly [ending: string]: Density } = {
  mp3: MP3,
  mpga: MP3,
  mpeg: MP3,
  m4a: AAC,
  mp4: AAC,
  aac: AAC,
  ogg: OPUS,
  oga: OPUS,
  opus: OPUS,
  webm: OPUS,
};

/**
 * How long a recording can be, by its first bytes: exact where a header says how many bytes a second has, and otherwise
 * by the fewest that the format needs, which is several times too long for most.
 */
export function audioLength(file: CarriedFile): AudioLength {
  const head = new DataView(file.head.buffer, file.head.byteOffset, file.head.byteLength);
  const { bytes } = file;
  const known = wave(head, bytes) ?? flac(head, bytes) ?? mp3(head, bytes);
  if (known !== undefined) return known;
  const { least, usual } = densityOf(head, file.filename);
  return { most: bytes / least, about: bytes / usual };
}

function densityOf(head: DataView, filename: string): Density {
  if (says(head, 0, 'OggS') || says(head, 0, '\x1a\x45\xdf\xa3')) return OPUS;
  if (says(head, 4, 'ftyp')) return AAC;
  if (says(head, 0, 'ID3')) return MP3;
  return BY_ENDING[filename.slice(filename.lastIndexOf('.') + 1).toLowerCase()] ?? ANY;
}

function says(head: DataView, at: number, letters: string): boolean {
  if (head.byteLength < at + letters.length) return false;
  for (let each = 0; each < letters.length; each++) if (head.getUint8(at + each) !== letters.charCodeAt(each)) return false;
  return true;
}

const exactly = (seconds: number): AudioLength => ({ most: seconds, about: seconds });

/** Bytes a second that no recording has: a header with more is not believed. */
const MOST_DENSE = 32 * 1024 * 1024;
/** PCM, floating point, A-law, µ-law, and the extensible form of these: a second has always as many bytes. */
const UNPACKED = new Set([1, 3, 6, 7, 0xfffe]);

/** RIFF: the format stands first. http://soundfile.sapp.org/doc/WaveFormat */
function wave(head: DataView, bytes: number): AudioLength | undefined {
  if (head.byteLength < 36 || !says(head, 0, 'RIFF') || !says(head, 8, 'WAVE') || !says(head, 12, 'fmt ')) return undefined;
  if (!UNPACKED.has(head.getUint16(20, true))) return undefined;
  const density = (head.getUint16(22, true) * head.getUint32(24, true) * head.getUint16(34, true)) / 8;
  return density > 0 && density <= MOST_DENSE ? exactly(bytes / density) : undefined;
}

/**
 * RFC 9639 section 8.2. Where the file has more bytes than a quarter of its samples would have unpacked, the number of
 * samples that it gives is not believed.
 */
function flac(head: DataView, bytes: number): AudioLength | undefined {
  if (head.byteLength < 26 || !says(head, 0, 'fLaC')) return undefined;
  const packed = head.getUint32(18);
  const rate = packed >>> 12;
  const channels = ((packed >>> 9) & 7) + 1;
  const bits = ((packed >>> 4) & 31) + 1;
  if (rate === 0) return undefined;
  const samples = (packed & 15) * 2 ** 32 + head.getUint32(22);
  const unpacked = (rate * channels * bits) / 8;
  return { most: Math.max(samples / rate, (4 * bytes) / unpacked), about: samples === 0 ? (2 * bytes) / unpacked : samples / rate };
}

/** Kilobits a second by the index in a frame's head: ISO 11172-3 section 2.4.2.3, and ISO 13818-3 for the lower rates. */
const KILOBITS = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const KILOBITS_LOW = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];

/** A file that begins with a frame: MPEG-1's has no fewer than 32 kbit/s, and most keep the rate of their first. */
function mp3(head: DataView, bytes: number): AudioLength | undefined {
  if (head.byteLength < 4) return undefined;
  const frame = head.getUint32(0);
  const isLayer3 = frame >>> 21 === 0x7ff && ((frame >>> 17) & 3) === 1;
  if (!isLayer3) return undefined;
  const isFirst = ((frame >>> 19) & 3) === 3;
  const kilobits = (isFirst ? KILOBITS : KILOBITS_LOW)[(frame >>> 12) & 15];
  const usual = kilobits === undefined || kilobits === 0 ? MP3.usual : kilobits * 125;
  return { most: bytes / (isFirst ? 4_000 : MP3.least), about: bytes / usual };
}
