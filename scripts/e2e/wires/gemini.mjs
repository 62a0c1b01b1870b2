import { cut, data, USAGE } from './cut.mjs';

const PATH = /^\/gemini\/v1beta\/models\/[^/]+:(generateContent|streamGenerateContent)$/;

/** https://ai.google.dev/api/generate-content */
export const gemini = {
  dialect: 'gemini',
  matches: (path) => PATH.test(path),
  streams: (path) => path.endsWith(':streamGenerateContent'),
  tools: ({ tools = [] }) => tools.flatMap(({ functionDeclarations = [] }) => functionDeclarations.map(({ name }) => name)),
  told: ({ contents }) => {
    const response = contents.at(-1).parts.find(({ functionResponse }) => functionResponse)?.functionResponse.response;
    return response === undefined ? undefined : JSON.stringify(response);
  },
  answer({ model }, { text, call, thought, signature }, stream) {
    const usageMetadata = {
      promptTokenCount: USAGE.input,
      candidatesTokenCount: USAGE.output,
      totalTokenCount: USAGE.input + USAGE.output,
    };
    const answer = (parts, more) => ({
      candidates: [{ index: 0, content: { role: 'model', parts }, ...more }],
      usageMetadata,
      modelVersion: model ?? 'scripted',
      responseId: 'r_1',
    });
    const thoughts = thought === undefined ? [] : [{ text: thought, thought: true }];
    const called = { functionCall: { name: call?.name, args: call?.input }, thoughtSignature: signature };
    const said = call === undefined ? cut(text).map((piece) => ({ text: piece })) : [called];
    if (!stream) return [JSON.stringify(answer([...thoughts, ...(call === undefined ? [{ text }] : said)], { finishReason: 'STOP' }))];
    return [...[...thoughts, ...said].map((part) => data(answer([part], {}))), data(answer([{ text: '' }], { finishReason: 'STOP' }))];
  },
};
