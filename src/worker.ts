export default { fetch: () => new Response('weir') };
