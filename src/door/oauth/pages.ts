// The few pages of the authorization server. They hold no script, load nothing, and stand in no frame.

const STYLE = `
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{max-width:34rem;margin:10vh auto;padding:0 1.25rem}
h1{font-size:1.35rem;margin:0 0 1rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.35rem 1rem;margin:1rem 0}
dt{opacity:.7}dd{margin:0;overflow-wrap:anywhere}
.warn{border-left:.25rem solid #c60;padding:.25rem .75rem;margin:1rem 0}
label{display:block;margin:1rem 0}input{font:inherit;width:100%;padding:.5rem;box-sizing:border-box}
button{font:inherit;padding:.5rem 1.25rem;margin:.5rem .5rem 0 0;cursor:pointer}
ul{margin:.25rem 0;padding-left:1.25rem}`;

/** Text that stands in a page: nobody's name is markup. */
export const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll("'", '&#39;');

export interface PageOptions {
  readonly status?: number;
  readonly cookies?: readonly string[];
  /** Where the browser goes on to, by itself. */
  readonly onTo?: string;
}

export function page(title: string, body: string, { status = 200, cookies = [], onTo }: PageOptions = {}): Response {
  const nonce = crypto.randomUUID();
  const refresh = onTo === undefined ? '' : `<meta http-equiv="refresh" content="0;url=${escaped(onTo)}">`;
  const text = `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">${refresh}<title>${escaped(title)}</title><style nonce="${nonce}">${STYLE}</style></head><body><main>${body}</main></body></html>`;
  const headers = new Headers({
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'content-security-policy': `default-src 'none'; style-src 'nonce-${nonce}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
    'x-frame-options': 'DENY',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
  });
  for (const cookie of cookies) headers.append('set-cookie', cookie);
  return new Response(text, { status, headers });
}

/** What cannot go on is said here, and nowhere else: nobody knows yet that the client's address is the client's. */
export const faultPage = (why: string, options: PageOptions = {}): Response =>
  page('Sign-in', `<h1>This sign-in cannot go on</h1><p>${escaped(why)}</p><p>Go back to the application, and begin again.</p>`, {
    status: 400,
    ...options,
  });

/** Where nobody knows any more which page it was for. */
export const signedInPage = (cookies: readonly string[]): Response =>
  page('Sign-in', '<h1>You are signed in</h1><p>Open the link again, in this browser.</p>', { cookies });

/** Of a page that is for one person alone. Whom it is for is not said. */
export const otherPersonPage = (cookies: readonly string[]): Response =>
  page(
    'Sign-in',
    `<h1>This link was made for somebody else</h1>
<p>You are signed in, and it is not your call that it belongs to. Nothing was connected.</p>
<p>If somebody sent it to you, close this page: they would have used your account. If you asked for it yourself, with another account of yours, sign out at your organisation and open it again with that one.</p>`,
    { status: 403, cookies },
  );

/**
 * Leads on to another site. Not a redirect, since browsers hold those that follow a form to `form-action`, and nobody knows
 * beforehand over which sites a sign-in goes.
 */
export const onwardPage = (to: string, cookies: readonly string[]): Response =>
  page('Sign-in', `<p>Going on … <a href="${escaped(to)}">Continue</a></p>`, { cookies, onTo: to });

export interface ConsentPage {
  readonly id: string;
  readonly client: { readonly name: string; readonly domain?: string };
  readonly redirectUri: string;
  readonly resource: string;
  readonly scopes: readonly { readonly name: string; readonly description?: string }[];
  /** Whether a gateway key is asked for. */
  readonly asksKey: boolean;
  /** What was wrong with what was sent before. */
  readonly fault?: string;
}

/** Asks whether a client may act for whoever signs in: for every client, every time. */
export function consentPage(shown: ConsentPage, options: PageOptions): Response {
  const { id, client, redirectUri, resource, scopes, asksKey, fault } = shown;
  const redirect = URL.parse(redirectUri);
  const host = redirect?.host || redirectUri;
  const isLocal = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(redirect?.hostname ?? '');
  const known = client.domain === undefined ? 'Nobody has checked its name.' : `It is published at ${client.domain}.`;
  const listed = scopes.map(
    ({ name, description }) => `<li>${escaped(description ?? name)}${description === undefined ? '' : ` (${escaped(name)})`}</li>`,
  );
  const local = isLocal
    ? '<p class="warn">It runs on this computer. Allow it only if you have just started it yourself: any program here could say that it is this one.</p>'
    : '';
  const key = asksKey ? '<label>Gateway key<input name="key" type="password" autocomplete="off" required spellcheck="false"></label>' : '';
  return page(
    'Allow access?',
    `<h1>Allow “${escaped(client.name)}” to use ${escaped(resource)} for you?</h1>${fault === undefined ? '' : `<p class="warn">${escaped(fault)}</p>`}
<p>${escaped(known)}</p>
<dl><dt>Sends you back to</dt><dd>${escaped(host)}</dd><dt>May do</dt><dd>${listed.length === 0 ? 'What you may do there' : `<ul>${listed.join('')}</ul>`}</dd></dl>${local}
<form method="post" action="/oauth/consent"><input type="hidden" name="flow" value="${escaped(id)}">${key}
<button name="decision" value="allow">Allow</button><button name="decision" value="deny" formnovalidate>Do not allow</button></form>`,
    options,
  );
}
