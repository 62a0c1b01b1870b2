import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '../../../core/json.ts';
import { isolateEmbedder } from '../../../state/meaning/embedder.ts';
import { compactTool, shortened, withoutProse } from './compact.ts';
import { ToolSearch } from './search.ts';
import { wordsOf } from './words.ts';

const tool = (name: string, description: string, ...properties: string[]): JsonObject => ({
  name,
  description,
  inputSchema: { type: 'object', properties: Object.fromEntries(properties.map((each) => [each, { type: 'string' }])) },
});

const shop: readonly JsonObject[] = [
  tool('github__create_issue', 'Opens a new issue in a repository.', 'repo', 'title', 'body'),
  tool('github__list_pull_requests', 'Lists the pull requests of a repository.', 'repo', 'state'),
  tool('github__merge_pull_request', 'Merges a pull request into its base branch.', 'repo', 'number'),
  tool('github__search_code', 'Searches for code across repositories.', 'query'),
  tool('mail__send_message', 'Sends an e-mail to one or more people.', 'to', 'subject', 'body'),
  tool('mail__search', 'Searches the mailbox.', 'query'),
  tool('mail__archive', 'Moves a message to the archive.', 'id'),
  tool('calendar__create_event', 'Schedules a meeting with people at a time.', 'start', 'end', 'attendees'),
  tool('calendar__free_busy', 'Tells when people are available.', 'people'),
  tool('files__read_file', 'Reads the contents of a file.', 'path'),
  tool('files__write_file', 'Writes text to a file, over what is in it.', 'path', 'text'),
  tool('files__delete', 'Removes a file from the disk for good.', 'path'),
  tool('pay__refund', 'Gives a customer the money of a payment back.', 'payment', 'amount'),
  tool('pay__list_invoices', 'Lists the invoices of a customer.', 'customer'),
  tool('weather__forecast', 'Tells how warm it will be and whether it rains.', 'city', 'days'),
  tool('sql__run_query', 'Runs a statement on the warehouse database.', 'statement'),
  tool('translate__text', 'Translates a text from one language into another.', 'text', 'language'),
  tool('deploy__roll_back', 'Puts the previous release of a service back.', 'service'),
  tool('deploy__status', 'Tells which release runs where.', 'service'),
  tool('hr__request_vacation', 'Asks the manager for days off.', 'from', 'to'),
];
const { signal } = new AbortController();
const first = async (query: string, embedder = isolateEmbedder(), most = 3) =>
  (await new ToolSearch().best(query, shop, most, embedder, signal)).map(({ name }) => name);

describe('searching tools', () => {
  it.each([
    ['open a bug ticket in the repository', 'github__create_issue'],
    ['reply to someone by email', 'mail__send_message'],
    ['schedule a meeting tomorrow', 'calendar__create_event'],
    ['will it rain in Paris', 'weather__forecast'],
    ['remove a document from disk', 'files__delete'],
    ['refund a payment', 'pay__refund'],
    ['undo the last deployment', 'deploy__roll_back'],
    ['take holiday', 'hr__request_vacation'],
    ['translate to German', 'translate__text'],
    ['bills of a client', 'pay__list_invoices'],
    ['when is everybody available', 'calendar__free_busy'],
    ['database query', 'sql__run_query'],
  ])('finds by meaning and by words: %s', async (query, wanted) => {
    expect(await first(query)).toContain(wanted);
  });

  it('has the tool first whose name is asked for, with its prefix or without', async () => {
    expect((await first('files__write_file'))[0]).toBe('files__write_file');
    expect((await first('please use merge_pull_request on it'))[0]).toBe('github__merge_pull_request');
    expect((await first('refund'))[0]).toBe('pay__refund');
  });

  it('goes by words alone without an embedder, or where it fails', async () => {
    const words = (await new ToolSearch().best('merge pull requests', shop, 3, undefined, signal)).map(({ name }) => name);
    expect(words.slice(0, 2).sort()).toEqual(['github__list_pull_requests', 'github__merge_pull_request']);
    const broken = { ...isolateEmbedder(), embed: () => Promise.reject(new Error('gone')) };
    expect(await first('merge pull requests', broken)).toEqual(words);
  });

  it('gives nothing that has nothing to do with the question, and never more than is asked for', async () => {
    expect(await new ToolSearch().best('zzqx', shop, 3, undefined, signal)).toEqual([]);
    expect(await first('file', isolateEmbedder(), 2)).toHaveLength(2);
  });

  it('takes any question and any tool', () =>
    fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'binary' }),
        fc.array(fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 6 }), { maxLength: 5 }),
        async (query, tools) => {
          const found = await new ToolSearch().best(query, tools as readonly JsonObject[], 3, undefined, signal);
          expect(found.length).toBeLessThanOrEqual(3);
          expect(found.every((each) => tools.includes(each as never))).toBe(true);
        },
      ),
      { numRuns: 200 },
    ));

  it('takes names apart', () => {
    expect(wordsOf('getUserNames of the HTTP2_boxes, cities')).toEqual(['get', 'user', 'name', 'http2', 'box', 'city']);
  });
});

describe('a compact tool', () => {
  const schema = {
    type: 'object',
    title: 'Arguments',
    description: 'all of them',
    properties: {
      description: { type: 'string', description: 'said of it', title: 'D' },
      title: { $ref: '#/$defs/T' },
      list: { type: 'array', items: [{ const: { description: 'kept' }, description: 'gone' }] },
    },
    $defs: { T: { enum: [{ title: 'kept' }], $comment: 'gone' } },
    anyOf: [{ required: ['title'], description: 'gone' }, true],
    additionalProperties: { description: 'gone', type: 'string', default: { description: 'kept' } },
  };

  it('keeps what binds, and of what is said the first sentence', () => {
    const { inputSchema, ...rest } = compactTool({
      name: 't',
      title: 'Tool',
      description: 'Does one thing well, e.g. this. And another.\nMore.',
      annotations: { title: 'kept' },
      inputSchema: schema,
    });
    expect(rest).toEqual({ name: 't', description: 'Does one thing well, e.g. this.', annotations: { title: 'kept' } });
    expect(inputSchema).toEqual({
      type: 'object',
      properties: {
        description: { type: 'string' },
        title: { $ref: '#/$defs/T' },
        list: { type: 'array', items: [{ const: { description: 'kept' } }] },
      },
      $defs: { T: { enum: [{ title: 'kept' }] } },
      anyOf: [{ required: ['title'] }, true],
      additionalProperties: { type: 'string', default: { description: 'kept' } },
    });
  });

  it('is the same once more, and never longer', () =>
    fc.assert(
      fc.property(fc.jsonValue(), fc.string({ unit: 'grapheme', maxLength: 400 }), (value, text) => {
        const once = withoutProse(value as Json);
        expect(withoutProse(once)).toEqual(once);
        expect(JSON.stringify(once).length).toBeLessThanOrEqual(JSON.stringify(value).length);
        expect(shortened(text).length).toBeLessThanOrEqual(120);
        expect(shortened(text).isWellFormed()).toBe(true);
      }),
    ));
});
