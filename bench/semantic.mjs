// What a semantic cache has been asked before it is measured: so many questions of one partition, of which one means
// what is asked then.

const THE_ONE = 'How do I reset my password?';
const AT_ONCE = 32;
const READY_MS = 120_000;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const verbs =
  'clean mount paint seal polish drain repair replace adjust inspect store ship measure grind weld coat test align cool lift balance tighten loosen wrap'.split(
    ' ',
  );
const parts =
  'gearbox valve bearing piston rotor filter gasket flange nozzle impeller shaft spring lever hinge pulley belt clutch brake sensor cable socket hose tank pump chain wheel frame panel grille handle latch bolt bracket drawer shelf'.split(
    ' ',
  );
const places =
  'tractor harvester bicycle lathe crane boat trailer caravan excavator oven kiln mixer loom press mill saw drill forklift elevator turbine windmill greenhouse sauna fountain carousel telescope piano organ harp clock camera projector printer scanner plotter'.split(
    ' ',
  );

const from = (list, at) => list[at % list.length];
/** Each another one. */
const question = (at) => {
  const [verb, rest] = [from(verbs, at), Math.floor(at / verbs.length)];
  const [part, more] = [from(parts, rest), Math.floor(rest / parts.length)];
  const age = Math.floor(more / places.length);
  return `How do I ${verb} the ${part} of a${age === 0 ? '' : age === 1 ? ' rusty' : ' painted'} ${from(places, more)}?`;
};

/** Asks them all, and then waits until what means the same is found. `body` makes a request of a question. */
export async function fill(gateway, entries, body) {
  const ask = async (content) => {
    const response = await fetch(`http://127.0.0.1:${gateway.port}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...gateway.headers },
      body: JSON.stringify(body(content)),
    });
    await response.arrayBuffer();
    return response.headers.get('x-weir-cache');
  };
  let next = 0;
  const asker = async () => {
    for (let at = next++; at < entries; at = next++) await ask(question(at));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, asker));
  // Last: the isolate remembers what was asked last.
  await ask(THE_ONE);
  await pause(1_000);
  const until = Date.now() + READY_MS;
  while ((await ask('How can I reset my password?')) !== 'semantic') {
    if (Date.now() > until) throw new Error('the semantic cache does not find what it was asked');
    // An answer of its own is kept under its own words: the next one is asked in others.
    await fetch(`http://127.0.0.1:${gateway.port}/admin/v1/cache`, { method: 'DELETE', headers: gateway.admin, body: '{}' });
    await pause(1_500);
    await ask(THE_ONE);
    await pause(500);
  }
}
