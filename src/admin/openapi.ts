import { z } from 'zod';
import type { AdminRoute } from './deps.ts';
import type { MessageDoc } from './messages.ts';

const PARAMETER = /:(\w+)/g;

const schemaOf = (schema: z.ZodType, io: 'input' | 'output') => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return rest;
};

const problem = {
  type: 'object',
  required: ['type', 'title', 'status', 'detail', 'code', 'requestId'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    code: { type: 'string', description: 'Stable; docs/errors.md lists them.' },
    requestId: { type: 'string' },
    param: { type: 'string' },
    problems: {
      type: 'array',
      items: { type: 'object', required: ['path', 'message'], properties: { path: { type: 'string' }, message: { type: 'string' } } },
    },
  },
};

/** The admin API as OpenAPI 3.1, made from the very list that is served and the schemas it checks with. */
export function openApi(routes: readonly AdminRoute[], messages: readonly MessageDoc[] = []) {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = route.path.replace(PARAMETER, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Weir admin API', version: '1' },
    servers: [{ url: '/admin/v1' }],
    security: [{ token: [] }],
    paths,
    webhooks: Object.fromEntries(messages.map((message) => [message.type, { post: receiptOf(message) }])),
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'WEIR_ADMIN_TOKEN' } },
      schemas: { Problem: problem },
    },
  };
}

const idempotencyKey = {
  name: 'Idempotency-Key',
  in: 'header',
  schema: { type: 'string' },
  description: 'A key of 1 to 255 characters: with the same one, the same request is done once and answered alike.',
};

function operationOf({ method, path, doc }: AdminRoute) {
  const { summary, query, body, status = 200, answer } = doc;
  const parameters = [
    ...parametersIn(path),
    ...(query === undefined ? [] : queryOf(query)),
    ...(method === 'POST' ? [idempotencyKey] : []),
  ];
  return {
    operationId: `${method.toLowerCase()}${path.replace(/[/:]+(\w)/g, (_, letter: string) => letter.toUpperCase()).replace(/\W/g, '')}`,
    summary,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: { content: { 'application/json': { schema: schemaOf(body, 'input') } } } }),
    responses: {
      [status]: {
        description: 'Done',
        ...(answer === undefined ? {} : { content: { 'application/json': { schema: schemaOf(answer, 'output') } } }),
      },
      default: {
        description: 'An error, as RFC 9457 problem details',
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    },
  };
}

/** A message as its receiver is to take it. */
const receiptOf = ({ type, summary, body }: MessageDoc) => ({
  operationId: `on${type.replace(/(?:^|\W)(\w)/g, (_, letter: string) => letter.toUpperCase())}`,
  summary,
  security: [],
  parameters: ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) => ({
    ...{ name, in: 'header', required: true, schema: { type: 'string' } },
    description: 'By the Standard Webhooks specification.',
  })),
  requestBody: { content: { 'application/json': { schema: schemaOf(body, 'output') } } },
  responses: {
    '2XX': { description: 'It is taken.' },
    '410': { description: 'The receiver wants nothing more.' },
    default: { description: 'It is not taken, and comes again.' },
  },
});

const parametersIn = (path: string) =>
  [...path.matchAll(PARAMETER)].map(([, name]) => ({ name, in: 'path', required: true, schema: { type: 'string' } }));

const queryOf = (query: z.ZodObject) =>
  Object.entries(query.shape).map(([name, field]) => {
    const property = schemaOf(z.strictObject({ [name]: field }), 'input').properties?.[name];
    const { description, ...schema } = typeof property === 'object' ? property : {};
    return { name, in: 'query', ...(description === undefined ? {} : { description }), schema };
  });
