import { expect, it, vi } from 'vitest';
import { Together } from './listening.ts';

it('tells ten thousand changes of the same list as one, and what is none of them at once', async () => {
  const told: string[] = [];
  const together = new Together((method, { uri }) => told.push(`${method} ${String(uri ?? '')}`));
  for (let at = 0; at < 10_000; at++) together.tell('notifications/tools/list_changed', {});
  for (let at = 0; at < 10; at++) together.tell('notifications/resources/updated', { uri: `file:///${at % 2}` });
  together.tell('notifications/message', { level: 'info' });
  expect(told).toEqual(['notifications/message ']);
  await vi.waitFor(() => expect(told.length).toBeGreaterThanOrEqual(4), { timeout: 15_000 });
  // Time for more, which must not come.
  await new Promise((resolve) => setTimeout(resolve, 250));
  expect(told.slice(1)).toEqual([
    'notifications/tools/list_changed ',
    'notifications/resources/updated file:///0',
    'notifications/resources/updated file:///1',
  ]);
});
