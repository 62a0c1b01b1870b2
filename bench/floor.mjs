import { Hono } from 'hono';

// The floor: what any gateway built on this runtime pays before it does a thing. Its one binding, UPSTREAM, is an
// origin without a trailing slash.
const app = new Hono();
app.all('*', (c) => fetch(c.env.UPSTREAM + new URL(c.req.url).pathname, c.req.raw));

export default app;
