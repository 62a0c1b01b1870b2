import { estimateTokens } from '../../src/core/estimate.ts';
import type { Encoding } from '../../src/core/tokens/encoding.ts';
import { lazyTokenizers } from '../../src/state/vocabulary/index.ts';

// What scripts/tokens/measure.mjs measures: one piece of work a request, timed from outside, since a Worker's own clock
// stands still while it works.

interface Work {
  readonly what: 'nothing' | 'count' | 'estimate';
  readonly encoding: Encoding;
  readonly text: string;
  readonly times: number;
}

const tokenizers = lazyTokenizers();

export default {
  async fetch(request: Request): Promise<Response> {
    const work: Work = await request.json();
    const text = work.text.repeat(work.times);
    if (work.what === 'nothing') return Response.json({ tokens: text.length });
    if (work.what === 'estimate') return Response.json({ tokens: estimateTokens(text) });
    return Response.json({ tokens: (await tokenizers.of(work.encoding)).count(text) });
  },
};
