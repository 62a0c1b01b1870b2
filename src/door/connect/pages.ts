import { escaped, page } from '../oauth/pages.ts';

// The pages on which somebody connects an account of its own with a source. They hold no script, and stand in no frame.

export const faultPage = (why: string, status = 400): Response =>
  page('Connect', `<h1>This cannot go on</h1><p>${escaped(why)}</p><p>Go back to the application, and try the call again there.</p>`, {
    status,
  });

export const donePage = (source: string, cookies: readonly string[]): Response =>
  page(
    'Connected',
    `<h1>“${escaped(source)}” is connected</h1><p>Close this page, go back to the application, and try the call again.</p>`,
    { cookies },
  );

export interface ConnectPage {
  /** The link, as it came. */
  readonly link: string;
  /** What the cookie of the same browser holds. */
  readonly browser: string;
  readonly source: string;
  /** Where the server is. */
  readonly host: string;
  /** For whom: an app or an organisation, and the user whom a credential named. */
  readonly who: readonly (readonly [label: string, value: string])[];
  /** Whether a key is stored here rather than consent given elsewhere; and what the operator says of it. */
  readonly asksKey: boolean;
  readonly help?: string | undefined;
  /** Whether the reader is known to be who asked for it. */
  readonly isKnown: boolean;
  /** What was wrong with what was sent before. */
  readonly fault?: string | undefined;
}

/** Says who will act with what, before anything is asked of anybody. */
export function connectPage(shown: ConnectPage, cookies: readonly string[]): Response {
  const { link, browser, source, host, who, asksKey, help, isKnown, fault } = shown;
  const rows = [['Server', host], ...who].map(([label = '', value = '']) => `<dt>${escaped(label)}</dt><dd>${escaped(value)}</dd>`);
  const key = asksKey
    ? `${help === undefined ? '' : `<p>${escaped(help)}</p>`}<label>Your key at ${escaped(host)}<input name="key" type="password" autocomplete="off" required spellcheck="false"></label>`
    : '';
  return page(
    'Connect',
    `<h1>Connect your account with “${escaped(source)}”?</h1>${fault === undefined ? '' : `<p class="warn">${escaped(fault)}</p>`}
<p>This gateway will then use ${escaped(host)} as you, for whoever is named here, until you take it back.</p>
<dl>${rows.join('')}</dl>
${isKnown ? '<p>You are signed in as who is named here.</p>' : '<p class="warn">Go on only if you have just asked for this yourself. Who sent you this link otherwise would act with your account.</p>'}
<form method="post" action="/oauth/connect"><input type="hidden" name="link" value="${escaped(link)}"><input type="hidden" name="browser" value="${escaped(browser)}">${key}
<button>${asksKey ? 'Store the key' : 'Continue'}</button></form>`,
    { cookies },
  );
}
