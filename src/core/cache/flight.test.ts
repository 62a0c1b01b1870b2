import { describe, expect, it } from 'vitest';
import type { ChatChunk } from '../chat.ts';
import { GatewayError } from '../errors.ts';
import { Flight, Flights } from './flight.ts';

const NEVER = new AbortController().signal;
const text = (said: string): ChatChunk => ({ type: 'text', part: 0, choice: 0, text: said });

async function heard(flight: Flight, signal = NEVER): Promise<ChatChunk[]> {
  const chunks: ChatChunk[] = [];
  for await (const pieces of flight.follow(signal)) chunks.push(...pieces);
  return chunks;
}

describe('who follows a flight', () => {
  it('hears all of it, whenever it joins', async () => {
    const flight = new Flight(() => 0);
    const first = heard(flight);
    flight.add({ type: 'start' });
    flight.add(text('a'));
    await Promise.resolve();
    const second = heard(flight);
    flight.add(text('b'));
    flight.land('whole');
    const all = [{ type: 'start' }, text('a'), text('b')];
    expect(await first).toEqual(all);
    expect(await second).toEqual(all);
    expect(await heard(flight)).toEqual(all);
  });

  it('hears what came, and then the error it failed with, each an error of its own', async () => {
    const flight = new Flight(() => 0);
    flight.add(text('a'));
    const error = new GatewayError('upstream_error', 'It broke.');
    flight.land({ error });
    const failed = await heard(flight).catch((thrown: unknown) => thrown);
    expect(failed).toMatchObject({ code: 'upstream_error', message: 'It broke.' });
    expect(failed).not.toBe(error);
  });

  it('waits for content, and not for the beginning alone', async () => {
    const flight = new Flight(() => 0);
    let met = false;
    const waiting = flight
      .until(() => flight.hasContent, 10_000, NEVER)
      .then(() => {
        met = true;
      });
    flight.add({ type: 'start' });
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(met).toBe(false);
    flight.add(text('a'));
    await waiting;
    expect(met).toBe(true);
  });

  it('takes a leader that says nothing for gone', async () => {
    let now = 0;
    const [silent, begun] = [new Flight(() => now), new Flight(() => now)];
    begun.add(text('a'));
    now = 6_000;
    await silent.until(() => false, 1_500, NEVER);
    expect(silent.landing).toBe('left');
    await expect(heard(begun)).rejects.toMatchObject({ code: 'upstream_interrupted' });
  });

  it('stops where it leaves', async () => {
    const flight = new Flight(() => 0);
    flight.add(text('a'));
    const leaving = new AbortController();
    const hearing = heard(flight, leaving.signal);
    await Promise.resolve();
    leaving.abort();
    flight.add(text('b'));
    expect((await hearing).length).toBeLessThanOrEqual(2);
  });
});

it('is joined until it is closed, and closed by itself alone', () => {
  const flights = new Flights(() => 0);
  const first = flights.lead('k');
  expect(flights.get('k')).toBe(first);
  const second = flights.lead('k');
  flights.close('k', first);
  expect(flights.get('k')).toBe(second);
  flights.close('k', second);
  expect(flights.get('k')).toBeUndefined();
  expect(flights.alone()).not.toBe(flights.get('k'));
});

it('is made anew by one at a time, and by another when that one is not heard of', () => {
  let now = 1;
  const flights = new Flights(() => now);
  expect([flights.begins('k'), flights.begins('k'), flights.begins('l')]).toEqual([true, false, true]);
  flights.done('k');
  expect(flights.begins('k')).toBe(true);
  now += 60_000;
  expect(flights.begins('k')).toBe(true);
});
