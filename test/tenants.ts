import type { TestGateway } from './gateway.ts';

/** What the admin API answered. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: { readonly [field: string]: unknown };
}

/** A key as it was made. */
export interface MadeKey {
  readonly id: string;
  readonly key: string;
}

/** Asks the admin API of a gateway. */
export async function ask(
  gateway: TestGateway,
  method: string,
  path: string,
  body?: unknown,
  headers: { readonly [name: string]: string } = {},
) {
  const response = await gateway.admin(path, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? {} : JSON.parse(text) } as Answer;
}

/** Makes something and fails where it was not made. */
export async function make(gateway: TestGateway, plural: string, body: object): Promise<{ readonly id: string } & Answer['body']> {
  const made = await ask(gateway, 'POST', `/${plural}`, body);
  if (made.status !== 201) throw new Error(`${plural}: ${made.status} ${JSON.stringify(made.body)}`);
  return { ...made.body, id: String(made.body.id) };
}

export async function makeKey(gateway: TestGateway, body: object): Promise<MadeKey> {
  const { id, key } = await make(gateway, 'keys', body);
  return { id, key: String(key) };
}

/** An organisation with one team and one app of the same name. */
export async function makeFamily(gateway: TestGateway, name: string) {
  const org = await make(gateway, 'orgs', { name });
  const team = await make(gateway, 'teams', { name, org: org.id });
  const app = await make(gateway, 'apps', { name, team: team.id });
  return { org: org.id, team: team.id, app: app.id };
}
