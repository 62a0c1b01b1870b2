import { sentence } from '../../upstream/forms.ts';
import type { Journal } from '../../upstream/journal.ts';
import type { Case } from './cases.ts';
import { FIRST, type Right, SAID, SECOND, SECOND_WORDS, WORDS } from './fault.ts';
import type { Reading } from './readers/reading.ts';
import { firstOf, type Outcome, secondOf } from './run.ts';

const TEXT = { first: sentence(FIRST, WORDS).join(''), second: sentence(SECOND, SECOND_WORDS).join('') };

/** Everything that is wrong with what a caller got; nothing where it is right. */
export function faultsOf(each: Case, outcome: Outcome | undefined, journal: Journal): readonly string[] {
  if (outcome === undefined) return ['it was never asked'];
  if (outcome.broke) return [`the connection broke, after status ${outcome.status} and ${outcome.bytes.length} bytes`];
  const reading = readingOf(each, outcome);
  const { errors, problems, torn } = reading;
  const told = errors.map(({ code }) => code);
  const right = rightOf(each);
  return [
    ...problems,
    ...ofStatus(right, outcome, errors),
    ...ofText(right, reading, outcome),
    ...ofCount(each, right, outcome, journal),
    ...(torn > (each.fault.tears === true && each.way.isNative ? 1 : 0) ? [`${torn} events of which only a part is there`] : []),
    ...(told.length > 1 ? [`${told.length} errors: ${told.join(', ')}`] : []),
    ...(outcome.bytes.includes('canary') ? ['what the vendor answered by mistake is shown'] : []),
  ];
}

/** How many words of content the caller has. */
export const wordsOf = (each: Case, outcome: Outcome): number =>
  outcome.broke
    ? 0
    : readingOf(each, outcome)
        .text.split(' ')
        .filter((word) => word !== '').length;

/** What a call comes to when another target stands behind a fault that came before any content. */
type Judged = Right | { readonly is: 'second' };
const rightOf = ({ fault, failover }: Case): Judged => (failover && fault.right.is === 'early' ? { is: 'second' } : fault.right);

function readingOf({ way: { reader }, stream }: Case, { status, headers, bytes }: Outcome): Reading {
  const type = headers['content-type'] ?? '';
  const unread = (problem: string): Reading => ({ text: '', done: false, errors: [], torn: 0, problems: [problem] });
  if (status === 200 && stream) {
    return type.startsWith(reader.streamType) ? reader.stream(bytes) : unread(`a stream of type ${type}`);
  }
  if (!type.startsWith('application/json')) return unread(`an answer of type ${type}`);
  try {
    const body: unknown = JSON.parse(bytes.toString());
    return status === 200 ? reader.whole(body) : reader.refusal(body, headers);
  } catch {
    return unread(`not JSON: ${bytes.toString().slice(0, 80)}`);
  }
}

function ofStatus(right: Judged, { status, headers }: Outcome, errors: Reading['errors']): readonly string[] {
  const wrong: string[] = [];
  const must = (met: boolean, problem: string) => void (met || wrong.push(problem));
  const said = errors.map(({ code, message }) => `${code}: ${message}`).join('; ');
  const [error] = errors;
  if (right.is === 'early') {
    must(right.status.includes(status), `status ${status} (${said}), not ${right.status.join(' or ')}`);
    must(error !== undefined && right.code.test(error.code), `told as ${said || 'nothing'}, not ${right.code.source}`);
    const after = headers['retry-after'];
    if (right.retryAfter !== undefined) {
      const [least, most] = right.retryAfter;
      must(/^\d+$/.test(after ?? '') && Number(after) >= least && Number(after) <= most, `retry-after ${after}, not ${least} to ${most}`);
    }
    if (status === 503) must(/^\d+$/.test(after ?? ''), 'status 503 without retry-after');
  } else if (right.is === 'own') {
    must(status === right.status, `status ${status} (${said}), not ${right.status}`);
    must(error?.message.includes('scripted') === true, `the vendor's own words are lost: ${said}`);
  } else {
    must(status === 200, `status ${status}: ${said}`);
    if (right.is === 'late')
      must(error !== undefined && right.code.test(error.code), `told as ${said || 'nothing'}, not ${right.code.source}`);
    else must(error === undefined, `an error: ${said}`);
  }
  return wrong;
}

function ofText(right: Judged, { text, done }: Reading, { bytes }: Outcome): readonly string[] {
  const wrong: string[] = [];
  const must = (met: boolean, problem: string) => void (met || wrong.push(problem));
  const spoken = (who: string) => bytes.includes(`${who}0`) || bytes.includes(` ${who}`);
  must(!(spoken(FIRST) && spoken(SECOND)), 'two answers are spliced');
  switch (right.is) {
    case 'second':
      must(text === TEXT.second && done, `said "${text}"${done ? '' : ', and no end'}`);
      break;
    case 'good':
      must(text === TEXT.first && done, `said "${text}"${done ? '' : ', and no end'}`);
      break;
    case 'late':
      must(!done, 'ends as if all were well');
      must(text !== '' && TEXT.first.startsWith(text), `said "${text}"`);
      if (right.all) must(text.startsWith(sentence(FIRST, SAID).join('')), `lost words: "${text}"`);
      break;
    default:
      must(text === '' && !spoken(FIRST) && !spoken(SECOND), `said "${text}"`);
  }
  return wrong;
}

/** How often each vendor was asked, by their own journal and by the answer's head. */
function ofCount(each: Case, right: Judged, { headers }: Outcome, journal: Journal): readonly string[] {
  const asked = (model: string) => journal.all.filter((seen) => seen.model === model).length;
  const first = each.fault.at === undefined ? (each.fault.asked ?? 1) : 0;
  const second = right.is === 'second' ? 1 : 0;
  const attempts = (each.fault.asked ?? 1) + second;
  const is = { first: asked(firstOf(each)), second: asked(secondOf(each)) };
  return [
    ...(is.first === first ? [] : [`the first was asked ${is.first} times, not ${first}`]),
    ...(is.second === second ? [] : [`the second was asked ${is.second} times, not ${second}`]),
    ...(headers['x-weir-attempts'] === String(attempts) ? [] : [`x-weir-attempts is ${headers['x-weir-attempts']}, not ${attempts}`]),
    ...(typeof headers['x-weir-request-id'] === 'string' ? [] : ['no request id']),
  ];
}
