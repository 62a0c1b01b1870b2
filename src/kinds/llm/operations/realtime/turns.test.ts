import { describe, expect, it } from 'vitest';
import { DENSE, SPARSE, tokensAsked, tokensSaid } from './frame-tokens.ts';
import { Turns } from './turns.ts';

const event = (type: string, more: object = {}) => JSON.stringify({ type, ...more });
const done = (id: string, input: number, output: number) =>
  event('response.done', { response: { id, usage: { input_tokens: input, output_tokens: output } } });

describe('what a frame adds to a conversation', () => {
  it('is ten tokens a second of audio, wherever it stands, and the tokens of all else', () => {
    // Three seconds of 16 bits and 16 kHz.
    const audio = 'A'.repeat((3 * DENSE * 4) / 3);
    const appended = tokensAsked(event('input_audio_buffer.append', { audio }), DENSE);
    expect(appended).toBeGreaterThanOrEqual(30);
    expect(appended).toBeLessThan(60);
    expect(tokensAsked(event('conversation.item.create', { item: { content: [{ type: 'input_audio', audio }] } }), SPARSE)).toBeGreaterThan(
      120,
    );
    expect(tokensAsked(new ArrayBuffer(DENSE), DENSE)).toBe(10);
    expect(tokensAsked(event('x', { item: { content: [{ image_url: `data:${'A'.repeat(1e6)}` }] } }), DENSE)).toBeLessThan(2_000);
    const words = 'some words '.repeat(1_000);
    expect(tokensAsked(event('conversation.item.create', { item: { text: words } }), DENSE)).toBeGreaterThan(2_000);
    // Text is text also where it is called like a piece of audio.
    expect(tokensAsked(event('input_audio_buffer.append', { text: words }), DENSE)).toBeGreaterThan(2_000);
    expect(tokensAsked('not json', DENSE)).toBe(0);
  });

  it('is twenty tokens a second where a model speaks', () => {
    expect(tokensSaid('A'.repeat((DENSE * 4) / 3), true, DENSE)).toBeCloseTo(20, 0);
    expect(tokensSaid('one two three', false, DENSE)).toBe(3);
  });
});

describe('the turns of a session', () => {
  it('know how long the conversation is', () => {
    const turns = new Turns();
    turns.asked(event('conversation.item.create', { item: { text: 'hello there' } }));
    const added = turns.input;
    expect(added).toBeGreaterThan(0);
    turns.heard(event('response.created', { response: { id: 'r1' } }));
    turns.asked(event('conversation.item.create', { item: { text: 'and more of it' } }));
    expect(turns.heard(done('r1', 100, 20))).toBe(true);
    // What was added while the response was made is not in it.
    expect(turns.input).toBeGreaterThan(120);
    expect(turns.added).toBeLessThan(2 * added + 10);
    // A response outside the conversation says nothing of it.
    turns.heard(done('r2', 5, 5));
    expect(turns.input).toBeGreaterThanOrEqual(120);
  });

  it('know which responses are being made', () => {
    const turns = new Turns();
    turns.asked(event('response.create'));
    turns.asked(event('response.create'));
    turns.asked(event('conversation.item.create', { item: { text: 'response.create' } }));
    expect(turns.responses).toBe(2);
    turns.heard(event('response.created', { response: { id: 'r1' } }));
    expect(turns.responses).toBe(2);
    turns.heard(event('error', { error: { code: 'conversation_already_has_active_response' } }));
    expect(turns.responses).toBe(1);
    turns.heard(event('error', { error: { code: 'invalid_value' } }));
    expect(turns.responses).toBe(1);
    turns.heard(done('r1', 1, 1));
    turns.heard(done('r1', 1, 2));
    expect(turns.responses).toBe(0);
    // One that the provider began by itself.
    turns.heard(event('response.created', { response: { id: 'r2' } }));
    expect(turns.responses).toBe(1);
    // A vendor that never says when one begins.
    turns.asked(event('response.create'));
    turns.heard(done('r3', 1, 1));
    expect(turns.responses).toBe(1);
  });

  it('know how much was said of a response that never ended', () => {
    const turns = new Turns();
    turns.heard(event('session.updated', { session: { output_audio_format: 'g711_ulaw' } }));
    turns.heard(event('response.created', { response: { id: 'r1' } }));
    turns.heard(event('response.output_audio.delta', { response_id: 'r1', delta: 'A'.repeat((SPARSE * 4) / 3) }));
    expect(turns.unfinishedOutput).toBe(20);
    turns.heard(event('response.output_text.delta', { delta: 'one two three' }));
    expect(turns.unfinishedOutput).toBe(23);
    turns.heard(done('r1', 1, 1));
    expect(turns.unfinishedOutput).toBe(0);
  });
});
