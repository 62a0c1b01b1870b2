import { askOf } from './measure.mjs';

// Before anything is measured, one answer of every gateway is read in full: a gateway that answers something else, or
// less, is faster for it.

/** What is wrong with the answer, in words; `undefined` when it is the one the scenario asks for. */
export async function deviation(gateway, scenario) {
  const { path, asked } = askOf(gateway, scenario);
  const response = await fetch(`http://127.0.0.1:${gateway.port}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...gateway.headers },
    body: JSON.stringify(asked),
    signal: AbortSignal.timeout(20_000),
  });
  const text = await response.text();
  if (response.status !== 200) return `status ${response.status}: ${text.slice(0, 200)}`;
  if (path.startsWith('/mcp/'))
    return text.includes('"text":"A weir lets') ? undefined : `the tool's answer is missing: ${text.slice(0, 200)}`;
  if (path.endsWith('/messages')) return wrongMessages(text, scenario);
  return scenario.events === undefined ? wrongAnswer(text) : wrongStream(text, scenario, asked.stream_options !== undefined);
}

function wrongAnswer(text) {
  const { choices, usage } = JSON.parse(text);
  if (!choices?.[0]?.message?.content?.startsWith('A weir')) return 'the message is missing';
  return usage?.total_tokens === 91 ? undefined : 'the usage is missing';
}

/** The stream of an Anthropic client, translated. */
function wrongMessages(text, scenario) {
  const events = text.split('\n').flatMap((line) => (line.startsWith('data:') ? [JSON.parse(line.slice(5))] : []));
  if (events.at(-1)?.type !== 'message_stop') return 'the stream does not end with message_stop';
  const words = events.map((each) => each.delta?.text ?? '').join('');
  if (words !== wordsOf(scenario)) return `the text differs (${words.length} characters)`;
  return events.some((each) => each.usage?.output_tokens === scenario.events) ? undefined : 'the usage is missing';
}

const wordsOf = ({ events }) => Array.from({ length: events }, (_, at) => ` word${at}`).join('');

function wrongStream(text, scenario, wantsUsage) {
  const payloads = text
    .split('\n')
    .filter((line) => line.startsWith('data:'))
    .map((line) => line.slice(5).trim());
  if (payloads.at(-1) !== '[DONE]') return 'the stream does not end with [DONE]';
  const chunks = payloads.slice(0, -1).map((payload) => JSON.parse(payload));
  const words = chunks.map((chunk) => chunk.choices?.[0]?.delta?.content ?? '').join('');
  const expected = wordsOf(scenario);
  if (words !== expected) return `the text differs (${words.length} characters for ${expected.length})`;
  const hasUsage = chunks.some((chunk) => chunk.usage?.total_tokens > 0);
  if (wantsUsage && !hasUsage) return 'the usage chunk is missing';
  if (!wantsUsage && hasUsage) return 'a usage chunk came unasked';
  return undefined;
}
