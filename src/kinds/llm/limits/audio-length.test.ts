import { describe, expect, it } from 'vitest';
import type { CarriedFile } from '../../../core/operation.ts';
import { audioLength } from './audio-length.ts';

const file = (head: readonly number[], bytes: number, filename = 'a'): CarriedFile => ({
  field: 'file',
  filename,
  bytes,
  head: Uint8Array.from(head),
});
const letters = (text: string) => [...text].map((letter) => letter.charCodeAt(0));
const low = (value: number, bytes: number) => Array.from({ length: bytes }, (_, at) => Math.floor(value / 256 ** at) % 256);

const wav = (rate: number, channels: number, bits: number, format = 1) => [
  ...letters('RIFF\0\0\0\0WAVEfmt '),
  ...low(16, 4),
  ...low(format, 2),
  ...low(channels, 2),
  ...low(rate, 4),
  ...low((rate * channels * bits) / 8, 4),
  ...low((channels * bits) / 8, 2),
  ...low(bits, 2),
  ...letters('data'),
];

/** 44,100 Hz, two channels of 16 bits: 20, 3 and 5 bits, then 36 of the number of samples. */
const flac = (samples: number) => {
  const packed = (44_100 << 12) | (1 << 9) | (15 << 4) | Math.floor(samples / 2 ** 32);
  return [
    ...letters('fLaC'),
    ...new Array<number>(14).fill(0),
    ...low(packed >>> 0, 4).toReversed(),
    ...low(samples % 2 ** 32, 4).toReversed(),
  ];
};

describe('the length of a recording', () => {
  it('is exact where its header says how many bytes a second has', () => {
    expect(audioLength(file(wav(16_000, 1, 16), 320_000))).toEqual({ most: 10, about: 10 });
    expect(audioLength(file(wav(44_100, 2, 16, 0xfffe), 176_400 * 7, 'x.mp3'))).toEqual({ most: 7, about: 7 });
  });

  it('does not believe a header that no recording has', () => {
    for (const head of [
      wav(4_000_000_000, 255, 64),
      wav(0, 1, 16),
      wav(16_000, 0, 16),
      wav(16_000, 1, 16, 85),
      wav(16_000, 1, 16).slice(0, 30),
    ]) {
      expect(audioLength(file(head, 59_000, 'a.wav')).most).toBe(100);
    }
  });

  it('is what the samples are of a packed file, unless its bytes are too many for that', () => {
    expect(audioLength(file(flac(441_000), 800_000)).about).toBe(10);
    expect(audioLength(file(flac(441_000), 100_000)).most).toBe(10);
    // 1 sample, and ten megabytes: a quarter of what they would be unpacked, at least.
    expect(audioLength(file(flac(1), 10_000_000)).most).toBeCloseTo(226.76, 1);
    expect(audioLength(file(flac(0), 176_400)).about).toBe(2);
  });

  it('is no longer than the fewest bits of the format allow', () => {
    // MPEG-1 layer III of 128 kbit/s.
    expect(audioLength(file([0xff, 0xfb, 0x90, 0], 160_000, 'x.mp3'))).toEqual({ most: 40, about: 10 });
    // MPEG-2 layer III of 8 kbit/s.
    expect(audioLength(file([0xff, 0xf3, 0x10, 0], 10_000))).toEqual({ most: 10, about: 10 });
    expect(audioLength(file(letters('ID3'), 10_000)).most).toBe(10);
    expect(audioLength(file(letters('OggS'), 7_500)).most).toBe(10);
    expect(audioLength(file([0x1a, 0x45, 0xdf, 0xa3], 7_500, 'x.mp4')).most).toBe(10);
    expect(audioLength(file(letters('\0\0\0 ftypM4A '), 10_000)).most).toBe(10);
    expect(audioLength(file([], 10_000, 'x.M4A')).most).toBe(10);
    expect(audioLength(file([], 5_900, 'x')).most).toBe(10);
    expect(audioLength(file([], 0, 'x')).most).toBe(0);
  });
});
