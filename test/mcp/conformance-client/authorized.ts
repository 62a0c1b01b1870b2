import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Browser } from '../browser.ts';
import { linkIn } from '../protected.ts';

// What the official suite runs as the client under test where its server wants a grant: the gateway is the OAuth client that
// the suite looks at. A client of the official SDK calls through it, and where it is given a link, a browser follows it.
//
//   node authorized.ts <url of the suite's server>
//   REGISTRAR   makes a route of such a url: POST {url, auth} answers {mcp, headers}

const { MCP_CONFORMANCE_SCENARIO: scenario = '', REGISTRAR = '' } = process.env;
const context = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? '{}') as { readonly [name: string]: string };

/** What an operator would have set for a server of this scenario. */
function authOf(): object {
  const { client_id: clientId, client_secret: secret } = context;
  const clientSecret = secret === undefined ? {} : { clientSecret: { value: secret } };
  if (scenario === 'auth/client-credentials-basic') return { use: 'client-credentials', clientId, ...clientSecret };
  if (scenario === 'auth/client-credentials-jwt')
    return { use: 'client-credentials', clientId, clientKey: { value: context.private_key_pem } };
  // The suite answers for one metadata document, wherever it is said to lie.
  if (scenario === 'auth/basic-cimd') return { use: 'oauth', clientId: 'https://conformance-test.local/client-metadata.json' };
  return clientId === undefined ? { use: 'oauth' } : { use: 'oauth', clientId, ...clientSecret };
}

/** Times a link is followed before it is given up. */
const MOST_CONSENTS = 6;

const response = await fetch(REGISTRAR, { method: 'POST', body: JSON.stringify({ url: process.argv[2], auth: authOf() }) });
if (!response.ok) throw new Error(await response.text());
const { mcp, headers } = (await response.json()) as { readonly mcp: string; readonly headers: { readonly [name: string]: string } };
const client = new Client({ name: 'test-client', version: '1.0.0' });
await client.connect(new StreamableHTTPClientTransport(new URL(mcp), { requestInit: { headers } }));

async function consent(link: string): Promise<string> {
  const browser = new Browser();
  const page = await browser.open(link);
  return (await browser.submit(page)).text;
}

let left = MOST_CONSENTS;
let isDone = false;
while (!isDone && left > 0) {
  isDone = true;
  const { tools } = await client.listTools();
  for (const { name } of tools) {
    const said = JSON.stringify(await client.callTool({ name, arguments: {} }).catch((error: unknown) => String(error)));
    const link = linkIn(said);
    if (link === '') continue;
    isDone = false;
    left -= 1;
    const page = await consent(link);
    console.log(page.replaceAll(/<style[\s\S]*<\/style>|<[^>]*>/g, ' ').slice(0, 300));
    if (!page.includes('is connected')) process.exit(1);
    break;
  }
}
await client.close();
process.exit(0);
