import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../core/json.ts';
import { unwrapSignature } from '../../core/signature.ts';
import { Wire } from '../../core/wire.ts';
import { gemini } from './index.ts';
import { jsonSchemaOf } from './schema.ts';

const user = (text: string) => ({ role: 'user', parts: [{ text }] });
const read = (body: JsonObject) => gemini.readCall(body);

describe('a Gemini call read', () => {
  it('is the same in either spelling of its fields', () => {
    const camel = {
      contents: [user('Hi')],
      systemInstruction: { parts: [{ text: 'Be brief.' }] },
      tools: [
        {
          functionDeclarations: [{ name: 'f', parametersJsonSchema: { type: 'object', properties: { snake_case: { type: 'string' } } } }],
          googleSearch: {},
        },
      ],
      toolConfig: { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['f'] } },
      generationConfig: {
        maxOutputTokens: 5,
        topP: 0.5,
        topK: 3,
        stopSequences: ['x'],
        thinkingConfig: { thinkingBudget: 0 },
        responseMimeType: 'application/json',
      },
      safetySettings: [{ category: 'HARM_CATEGORY_HARASSMENT', threshold: 'BLOCK_NONE' }],
    };
    const snake = {
      contents: { role: 'user', parts: { text: 'Hi' } },
      system_instruction: { parts: { text: 'Be brief.' } },
      tools: {
        function_declarations: [{ name: 'f', parameters_json_schema: { type: 'object', properties: { snake_case: { type: 'string' } } } }],
        google_search: {},
      },
      tool_config: { function_calling_config: { mode: 'any', allowed_function_names: ['f'] } },
      generation_config: {
        max_output_tokens: 5,
        top_p: 0.5,
        top_k: 3,
        stop_sequences: ['x'],
        thinking_config: { thinking_budget: 0 },
        response_mime_type: 'application/json',
      },
      safety_settings: [{ category: 'HARM_CATEGORY_HARASSMENT', threshold: 'BLOCK_NONE' }],
    };
    expect(read(snake)).toEqual(read(camel));
    expect(read(camel)).toMatchObject({
      messages: [{ role: 'system' }, { role: 'user', content: [{ type: 'text', text: 'Hi' }] }],
      tools: [
        { type: 'function', name: 'f', parameters: { properties: { snake_case: { type: 'string' } } } },
        { type: 'raw', dialect: 'gemini', value: { googleSearch: {} } },
      ],
      toolChoice: { mode: 'tool', name: 'f' },
      reasoning: { mode: 'disabled' },
      responseFormat: { type: 'json' },
      extra: { gemini: { safetySettings: expect.anything() } },
    });
  });

  it('names by its path what has no place elsewhere, and writes it back where it stood', () => {
    const body = {
      contents: [user('Hi')],
      generationConfig: { responseModalities: ['TEXT'], thinkingConfig: { includeThoughts: true }, temperature: 1 },
      toolConfig: { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['a', 'b'] } },
      cachedContent: 'cachedContents/1',
    };
    const chat = read(body);
    expect(Object.keys(chat.extra.gemini ?? {}).sort()).toEqual([
      'cachedContent',
      'generationConfig.responseModalities',
      'generationConfig.thinkingConfig.includeThoughts',
      'toolConfig.functionCallingConfig.allowedFunctionNames',
    ]);
    const again = gemini.writeCall({ ...chat, tools: [{ type: 'function', name: 'a' }] }, {});
    expect(again.loss).toEqual([]);
    expect(again.body).toMatchObject(body);
  });

  it('gives calls without ids the same ids each time, and finds whose the answers are', () => {
    const turn = [
      {
        role: 'model',
        parts: [
          { functionCall: { name: 'a', args: { n: 1 } } },
          { functionCall: { name: 'b' } },
          { functionCall: { name: 'a', args: { n: 2 } } },
        ],
      },
      {
        role: 'user',
        parts: [
          { functionResponse: { name: 'b', response: { output: 'of b' } } },
          { functionResponse: { name: 'a', response: { result: 'first of a' } } },
          { functionResponse: { name: 'a', id: 'made-up', response: { error: 'second of a' } } },
        ],
      },
    ];
    const { messages } = read({ contents: [user('Go'), ...turn, ...turn] });
    const ids = messages.flatMap(({ content }) => content.flatMap((part) => (part.type === 'tool-call' ? [part.id] : [])));
    expect(ids).toEqual(['gemini-call-1', 'gemini-call-2', 'gemini-call-3', 'gemini-call-4', 'gemini-call-5', 'gemini-call-6']);
    const answers = messages.flatMap(({ content }) => content.flatMap((part) => (part.type === 'tool-result' ? [part] : [])));
    expect(answers.slice(0, 3)).toEqual([
      { type: 'tool-result', callId: 'gemini-call-2', content: [{ type: 'text', text: 'of b' }] },
      { type: 'tool-result', callId: 'gemini-call-1', content: [{ type: 'text', text: 'first of a' }] },
      { type: 'tool-result', callId: 'gemini-call-3', content: [{ type: 'text', text: 'second of a' }], isError: true },
    ]);
    const { body } = gemini.writeCall(read({ contents: [user('Go'), ...turn] }), {});
    expect(JSON.stringify(body)).not.toContain('gemini-call');
  });

  it('reads what a function answered in the forms that clients write it in', () => {
    const textsOf = (response: JsonObject) => {
      const { messages } = read({
        contents: [
          { role: 'model', parts: [{ functionCall: { name: 'f' } }] },
          { role: 'user', parts: [{ functionResponse: { name: 'f', response } }] },
        ],
      });
      const part = messages[1]?.content[0];
      return part?.type === 'tool-result' ? part.content.map((each) => (each.type === 'text' ? each.text : each)) : [];
    };
    expect(textsOf({ output: 'x' })).toEqual(['x']);
    expect(textsOf({ output: { deep: 1 } })).toEqual(['{"deep":1}']);
    expect(textsOf({ city: 'Oslo', degrees: 3 })).toEqual(['{"city":"Oslo","degrees":3}']);
    expect(
      textsOf({
        content: [
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
        ],
      }),
    ).toEqual(['a', 'b']);
    expect(textsOf({})).toEqual([]);
  });

  it('puts a thought together that a client kept in pieces', () => {
    const wrapped = 'c2ln';
    const contents = [
      user('Go'),
      { role: 'model', parts: [{ text: 'One ', thought: true }] },
      { role: 'model', parts: [{ text: 'thought', thought: true }] },
      { role: 'model', parts: [{ text: '', thought: true, thoughtSignature: wrapped }] },
      { role: 'model', parts: [{ text: 'Said ' }] },
      { role: 'model', parts: [{ text: 'this' }] },
      { role: 'model', parts: [{ text: '', thoughtSignature: 'c2lnMg==' }] },
    ];
    expect(read({ contents }).messages[1]).toEqual({
      role: 'assistant',
      content: [
        { type: 'thinking', text: 'One thought', signature: wrapped, issuer: 'gemini' },
        { type: 'text', text: 'Said this', signature: 'c2lnMg==', issuer: 'gemini' },
      ],
    });
  });

  it('keeps the signature of a picture, and whatever part it does not know', () => {
    const parts = [
      { inlineData: { mimeType: 'image/png', data: 'AAAA' }, thoughtSignature: 'c2ln' },
      { executableCode: { language: 'PYTHON', code: '1' }, thoughtSignature: 'c2ln' },
      {
        fileData: { fileUri: 'https://generativelanguage.googleapis.com/v1beta/files/abc', mimeType: 'video/mp4' },
        videoMetadata: { fps: 1 },
      },
    ];
    const chat = read({ contents: [{ role: 'model', parts }] });
    expect(chat.messages[0]?.content.map(({ type }) => type)).toEqual(['image', 'raw', 'file']);
    expect(gemini.writeCall(chat, {})).toMatchObject({ body: { contents: [{ role: 'model', parts }] }, loss: [] });
  });

  it('refuses what it cannot be, and names the field', () => {
    expect(() => read({})).toThrow('`contents` must be an array.');
    expect(() => read({ contents: [{ role: 'nobody', parts: [] }] })).toThrow('`contents[0].role`');
    expect(() => read({ contents: [{ parts: [4] }] })).toThrow('`contents[0].parts[0]`');
    expect(() => read({ contents: [user('x')], generationConfig: { topK: 'many' } })).toThrow('`generationConfig.topK`');
    expect(() => gemini.head(Wire.of({}).fields)).toThrow('model');
  });
});

describe("the API's own schemas", () => {
  it('are JSON Schema', () => {
    expect(
      jsonSchemaOf({
        type: 'OBJECT',
        properties: {
          b: { type: 'STRING', nullable: true, enum: ['x', 'y'], format: 'enum' },
          a: { type: 'ARRAY', min_items: '1', items: { type: 'INTEGER', format: 'int32' } },
          nested_name: { any_of: [{ type: 'NUMBER' }], nullable: true, example: 4 },
        },
        property_ordering: ['a', 'b'],
        required: ['a'],
      }),
    ).toEqual({
      type: 'object',
      properties: {
        a: { type: 'array', minItems: 1, items: { type: 'integer', format: 'int32' } },
        b: { type: ['string', 'null'], enum: ['x', 'y', null] },
        nested_name: { anyOf: [{ type: 'number' }, { type: 'null' }], examples: [4] },
      },
      required: ['a'],
    });
    expect(
      Object.keys(
        (jsonSchemaOf({ type: 'OBJECT', properties: { b: {}, a: {} }, propertyOrdering: ['a'] }) as { properties: object }).properties,
      ),
    ).toEqual(['a', 'b']);
  });
});

describe('a Gemini call forwarded as it came', () => {
  const patched = (body: JsonObject, model = 'gemini-3-pro') => {
    const wire = Wire.of(body);
    return JSON.parse(
      wire.patched(gemini.patch(gemini.head(wire.fields, { model: 'a', stream: false }), model, {}, wire.fields)),
    ) as JsonObject;
  };

  it('names no model in its body, save the one that is asked', () => {
    expect(patched({ model: 'models/alias', contents: [user('x')] })).toEqual({ contents: [user('x')] });
    expect(patched({ generateContentRequest: { model: 'alias', contents: [] } })).toEqual({
      generateContentRequest: { model: 'models/gemini-3-pro', contents: [] },
    });
    expect(gemini.pathOf?.('gemini-3-pro', true)).toBe('/models/gemini-3-pro:streamGenerateContent?alt=sse');
    expect(gemini.pathOf?.('tunedModels/mine', false)).toBe('/tunedModels/mine:generateContent');
    expect(gemini.pathOf?.('../../x', false)).toBe('/models/..%2F..%2Fx:generateContent');
  });

  it("leaves other vendors' signatures behind, and says that a call has none", () => {
    const foreign = btoa('@weir:anthropic:c2ln');
    expect(unwrapSignature(foreign, 'gemini')).toEqual({ signature: 'c2ln', issuer: 'anthropic' });
    const parts = [
      { text: 'thought', thought: true },
      { text: '', thought: true, thoughtSignature: foreign },
      { functionCall: { name: 'f' }, thought_signature: foreign },
      { functionCall: { name: 'g' } },
    ];
    const [content] = patched({ contents: [{ role: 'model', parts }] }).contents as JsonObject[];
    expect(content?.parts).toEqual([
      { text: 'thought', thought: true },
      { functionCall: { name: 'f' }, thoughtSignature: 'skip_thought_signature_validator' },
      { functionCall: { name: 'g' } },
    ]);
    const [earlier] = patched({ contents: [{ role: 'model', parts }] }, 'gemini-2.5-pro').contents as JsonObject[];
    expect(JSON.stringify(earlier)).not.toContain('ignature');
  });

  it('has its texts edited where they stand, thoughts and arguments untouched', () => {
    const body = {
      system_instruction: { parts: { text: 'a' } },
      contents: [
        {
          role: 'model',
          parts: [{ text: 'b' }, { text: 'c', thought: true, thoughtSignature: 'x' }, { functionCall: { name: 'f', args: { text: 'd' } } }],
        },
        {
          role: 'user',
          parts: [{ functionResponse: { name: 'f', response: { output: 'e' } } }, { inlineData: { mimeType: 'image/png', data: 'AAAA' } }],
        },
      ],
    };
    const edited = JSON.stringify(gemini.texts(body, (text) => text.toUpperCase()));
    expect(edited).toBe(JSON.stringify(body).replace('"a"', '"A"').replace('"b"', '"B"').replace('"e"', '"E"'));
    expect(gemini.texts(body, (text) => text)).toBe(body);
  });

  it("takes an operator's instructions into its own, in its own spelling", () => {
    const add = (body: JsonObject, where: 'start' | 'end') => gemini.addSystem?.(body, 'Rule', where);
    expect(add({}, 'start')).toEqual({ systemInstruction: { parts: [{ text: 'Rule' }] } });
    expect(add({ system_instruction: { parts: { text: 'own' } } }, 'start')).toEqual({
      system_instruction: { parts: [{ text: 'Rule' }, { text: 'own' }] },
    });
    expect(add({ systemInstruction: 'own' }, 'end')).toEqual({ systemInstruction: { parts: [{ text: 'own' }, { text: 'Rule' }] } });
    expect(() => add({ systemInstruction: 4 }, 'end')).toThrow('systemInstruction');
  });
});
