import { defineConfig } from './src/config/define.ts';

// Revision 0: what the gateway serves until a revision is published through the admin API.
// Every field is in schema/weir.config.schema.json. Nothing here needs a key: the sandbox is built in.
export default defineConfig({
  // Built-in providers (openai, anthropic, google, mistral, groq, …) need only their usual secret, OPENAI_API_KEY and
  // so on. Another address, another key, or another server that speaks the same dialect:
  //
  // providers: {
  //   openai: { key: { secret: 'OUR_OPENAI_KEY' } },
  //   inhouse: { like: 'openai', baseUrl: 'https://models.example.com/v1', key: { secret: 'INHOUSE_KEY' } },
  // },

  // Virtual models: a name that callers use, and what serves it. `provider/model` works without being listed.
  models: {
    demo: 'sandbox/echo',
    // smart: {
    //   strategy: 'failover',
    //   targets: ['openai/gpt-5.2', 'anthropic/claude-sonnet-4-5'],
    //   retry: { attempts: 2 },
    //   timeout: { firstToken: 10_000, idle: 30_000, total: 600_000 },
    // },
  },

  // Policies around every route, in this order; a route adds its own after them.
  //
  // policies: [{ use: 'models', allow: ['demo', 'smart'] }],
});
