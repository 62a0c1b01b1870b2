// The floor of a list: a Worker that has each page as bytes and gives the one that is asked for. What any gateway on this
// runtime pays to hand over so much. PUT keeps a page: `/{list}/{at}`; POST `/{list}` is asked as an MCP server is, and the
// cursors are numbers.
const pages = new Map();

export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (request.method === 'PUT') {
      pages.set(pathname, await request.arrayBuffer());
      return new Response(null, { status: 204 });
    }
    const { params } = JSON.parse(await request.text());
    return new Response(pages.get(`${pathname}/${params.cursor ?? 0}`), { headers: { 'content-type': 'application/json' } });
  },
};
