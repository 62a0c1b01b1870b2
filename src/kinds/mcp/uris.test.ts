import fc from 'fast-check';
import { expect, it } from 'vitest';
import { exposedUri, readUri } from './names.ts';
import { exposedItem, exposedResult } from './uris.ts';

const prefix = fc.stringMatching(/^[A-Za-z0-9](?:[A-Za-z0-9-]{0,8})$/);
const uri = fc.oneof(fc.webUrl(), fc.stringMatching(/^ui:\/\/[a-z./{}?-]{0,20}$/), fc.stringMatching(/^[a-z]{1,5}:[!-~]{0,20}$/));

it('an address leads back to its source and to itself, and one of a user interface stays one', () => {
  fc.assert(
    fc.property(prefix, uri, (before, own) => {
      const exposed = exposedUri(before, own);
      expect(readUri(exposed)).toEqual({ prefix: before, uri: own });
      expect(exposed.startsWith('ui://')).toBe(own.startsWith('ui://'));
    }),
  );
});

it("a tool's metadata name what shows its results by the address that clients read it under", () => {
  const tool = {
    name: 'chart',
    _meta: {
      ui: { resourceUri: 'ui://charts/bar', visibility: ['model'] },
      'openai/outputTemplate': 'ui://w',
      'ui/resourceUri': 'ui://x',
      other: 1,
    },
  };
  const named = (own: string) => `p__${own}`;
  expect(exposedItem(tool, 'p', named)).toEqual({
    name: 'p__chart',
    _meta: {
      ui: { resourceUri: 'ui://weir.p/charts/bar', visibility: ['model'] },
      'openai/outputTemplate': 'ui://weir.p/w',
      'ui/resourceUri': 'ui://weir.p/x',
      other: 1,
    },
  });
  expect(exposedItem(tool, '', (own) => own)).toEqual(tool);
  expect(exposedItem({ uri: 'ui://charts/bar', name: 'n' }, 'p', named)).toEqual({ uri: 'ui://weir.p/charts/bar', name: 'n' });
});

it('the result of a task that is done has the addresses of its server', () => {
  const content = [{ type: 'resource_link', uri: 'file:///a', name: 'a' }];
  const shown = exposedResult({ taskId: 't', status: 'completed', result: { content } }, 'p');
  expect(shown).toMatchObject({ taskId: 't', result: { content: [{ uri: 'weir:p/file:///a' }] } });
});
