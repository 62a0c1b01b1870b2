// As much of a browser as consent takes: cookies by origin, redirects, pages that lead on, and forms.

export interface Page {
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

export class Browser {
  readonly #cookies = new Map<string, Map<string, string>>();
  /** What was asked for, in order. */
  readonly visited: string[] = [];

  /** Follows redirects, and pages that lead on by themselves, until one stays. `until`: an address that is not followed any more. */
  async open(url: string, form?: URLSearchParams, until?: (url: string) => boolean): Promise<Page> {
    let at = url;
    let body = form;
    for (let step = 0; step < 20; step++) {
      if (until?.(at) === true) return { url: at, status: 0, headers: new Headers(), text: '' };
      const page = await this.#once(at, body);
      body = undefined;
      const onTo = page.headers.get('location') ?? /http-equiv="refresh" content="0;url=([^"]*)"/.exec(page.text)?.[1];
      if (onTo === undefined || onTo === null) return page;
      at = new URL(unescaped(onTo), at).href;
    }
    throw new Error(`${url} leads in circles`);
  }

  /** Sends the form of a page, with what a person fills in. */
  submit(page: Page, filled: { readonly [name: string]: string } = {}, until?: (url: string) => boolean): Promise<Page> {
    const action = /<form[^>]*action="([^"]*)"/.exec(page.text)?.[1] ?? page.url;
    const form = new URLSearchParams();
    for (const [input] of page.text.matchAll(/<input[^>]*>/g)) {
      const name = /name="([^"]*)"/.exec(input)?.[1];
      if (name !== undefined) form.set(name, unescaped(/value="([^"]*)"/.exec(input)?.[1] ?? ''));
    }
    for (const [name, value] of Object.entries(filled)) form.set(name, value);
    return this.open(new URL(unescaped(action), page.url).href, form, until);
  }

  async #once(url: string, form: URLSearchParams | undefined): Promise<Page> {
    const { origin } = new URL(url);
    const jar = this.#cookies.get(origin) ?? new Map<string, string>();
    this.#cookies.set(origin, jar);
    this.visited.push(url);
    const response = await fetch(url, {
      method: form === undefined ? 'GET' : 'POST',
      redirect: 'manual',
      headers: { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(form === undefined ? {} : { body: form }),
    });
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      if (/max-age=0/i.test(cookie)) jar.delete(name);
      else jar.set(name, value);
    }
    return { url, status: response.status, headers: response.headers, text: await response.text() };
  }
}

const unescaped = (text: string): string =>
  text.replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
