import { describe, expect, it } from 'vitest';
import { judge } from './index.ts';
import { read } from './reading.ts';

const keysOf = (text: string) =>
  read(text)
    .terms.map(({ key }) => key)
    .join(' ');

describe('read', () => {
  it.each([
    ['What’s the capital of France, please?', 'what capital of france'],
    ['Could you tell me what the capital of France is? Thanks in advance!', 'what capital of france'],
    ['How can I analyse 1,000 rows?', 'how analyze 1000 rows'],
    ["I don't travel", 'i not travel'],
    ['How do I get to the U.S.A.?', 'how obtain to usa'],
    ['Is it 3rd or third, 3.50 or 3.5?', 'whether it #3 or #3 3.5 or 3.5'],
    ['Who ran 5km at 3 am?', 'who ran 5 km at 3 am'],
    ['Vitamin A', 'vitamin a'],
    ['What does nitrogen do?', 'what nitrogen do'],
    ['C++ or C#?', 'c + + or c #'],
    ['Text Mark hello', 'text mark hello'],
  ])('%s', (text, keys) => {
    expect(keysOf(text)).toBe(keys);
  });

  it('applies its tables to English alone', () => {
    expect(keysOf('¿Dónde está la estación de tren?')).toBe('dónde está la estación de tren');
    expect(keysOf('Was ist die Hauptstadt von Peru?')).toBe('was ist die hauptstadt von peru');
    expect(keysOf('東京の天気は？')).toBe('東 京 の 天 気 は');
  });
});

describe('judge', () => {
  it.each([
    ['How do I reset my password?', 'how to reset a password'],
    ['How do I sort a list in Python?', 'In Python, how can I sort a list?'],
    ['What is the difference between TCP and UDP?', "What's the difference between UDP and TCP?"],
    ['Which colour is best?', 'WHICH COLOR IS BEST'],
    ['Explain recursion', 'Could you please explain recursion?'],
    ['How many kilometres are in a mile?', 'how many km are in a mile'],
    ['Is it safe to fix a car at home?', 'Is it safe to repair an automobile at home?'],
    ['¿Dónde está la estación?', 'dónde está la estación'],
  ])('finds the same: %s / %s', (one, other) => {
    expect(judge(one, other, 0.97)).toMatchObject({ same: true, objections: [] });
  });

  it.each([
    ['What do you go by?', 'What do I go by?', 'person'],
    ['Where do you live?', 'Where do I live?', 'person'],
    ['Do you think he would leave her?', 'Do you think she would leave him?', 'person'],
    ['Flights from Rome to Oslo', 'Flights from Oslo to Rome', 'order'],
    ['How should I invest?', 'How do I invest?', 'modal'],
    ['What is -5 squared?', 'What is 5 squared?', 'sign'],
    ['Vitamin A deficiency', 'Vitamin deficiency', 'words'],
    ['What does nitrogen do?', 'What is nitrogen?', 'words'],
    ['What is plastic surgery?', 'Is plastic surgery okay?', 'question'],
    ['Was ist Rost?', 'Was war Rost?', 'words'],
    ['Rom besiegt Karthago', 'Karthago besiegt Rom', 'order'],
  ])('keeps apart: %s / %s', (one, other, objection) => {
    const judged = judge(one, other, 1);
    expect(judged.same).toBe(false);
    expect(judged.objections).toContain(objection);
  });

  it('leaves it to the verifier in a closed domain, but for what has another answer for certain', () => {
    const one = 'My card has not arrived, where is it?';
    const other = 'Where is my card? It has not arrived yet';
    expect(judge(one, other, 0.95).same).toBe(false);
    expect(judge(one, other, 0.95, 'closed')).toMatchObject({ same: true, objections: [] });
    expect(judge('Send 50 euros', 'Send 60 euros', 1, 'closed').objections).toEqual(['number']);
    expect(judge('Where is my card?', 'What do cats eat in winter?', 0.3, 'closed').same).toBe(false);
  });
});
