/** What a browser is, as far as signing in goes: it follows redirects and refreshes, keeps cookies, and sends forms. */
export class Browser {
  readonly cookies = new Map<string, Map<string, string>>();
  /** Every page that was shown, newest last. */
  readonly pages: { readonly url: string; readonly status: number; readonly text: string; readonly headers: Headers }[] = [];

  /** Opens an address, and goes on by itself until a page wants something or leads to one that is `stopAt`. */
  async open(url: string, stopAt?: string): Promise<string> {
    return this.#go(url, undefined, stopAt);
  }

  /** Sends the form of the page that is shown, with its hidden fields and these. */
  async send(fields: Record<string, string>, stopAt?: string): Promise<string> {
    const page = this.page;
    const [, action = ''] = /<form[^>]*action="([^"]*)"/.exec(page.text) ?? [];
    const hidden = [...page.text.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)].map(([, name = '', value = '']) => [
      name,
      plainText(value),
    ]);
    return this.#go(
      new URL(plainText(action) || page.url, page.url).href,
      new URLSearchParams([...hidden, ...Object.entries(fields)] as string[][]),
      stopAt,
    );
  }

  get page() {
    const page = this.pages.at(-1);
    if (page === undefined) throw new Error('no page is shown');
    return page;
  }

  cookieHeader(url: string): string {
    return [...(this.cookies.get(new URL(url).host) ?? [])].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  /** One request without following anything. */
  async fetch(url: string, init: RequestInit = {}): Promise<Response> {
    const { host } = new URL(url);
    const response = await fetch(url, { ...init, redirect: 'manual', headers: { ...init.headers, cookie: this.cookieHeader(url) } });
    const jar = this.cookies.get(host) ?? new Map<string, string>();
    this.cookies.set(host, jar);
    for (const cookie of response.headers.getSetCookie()) {
      const [, key = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      if (/max-age=0/i.test(cookie)) jar.delete(key);
      else jar.set(key, value);
    }
    return response;
  }

  async #go(first: string, first_form: URLSearchParams | undefined, stopAt: string | undefined): Promise<string> {
    let url = first;
    let form = first_form;
    for (let step = 0; step < 20; step++) {
      const response = await this.fetch(url, form === undefined ? {} : { method: 'POST', body: form });
      const text = await response.text();
      const [, refresh] = /http-equiv="refresh" content="0;url=([^"]*)"/.exec(text) ?? [];
      const next = response.headers.get('location') ?? (refresh === undefined ? undefined : plainText(refresh));
      if (next === undefined || next === null) {
        this.pages.push({ url, status: response.status, text, headers: response.headers });
        return url;
      }
      url = new URL(next, url).href;
      form = undefined;
      if (stopAt !== undefined && url.startsWith(stopAt)) return url;
    }
    throw new Error(`too many steps, the last to ${url}`);
  }
}

const plainText = (text: string) =>
  text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&amp;', '&');
