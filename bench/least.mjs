// The least that a gateway can do which reads a question and its answer: both bodies as text and parsed, headers of its
// own. What any gateway costs that knows the model and the usage before it has checked, limited or counted a thing.
export default {
  async fetch(request, env) {
    const asked = await request.text();
    const { model } = JSON.parse(asked);
    const answer = await fetch(env.UPSTREAM + new URL(request.url).pathname, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer k' },
      body: asked,
      redirect: 'manual',
    });
    const text = await answer.text();
    const { usage } = JSON.parse(text);
    const headers = {
      'content-type': 'application/json',
      'x-request-id': crypto.randomUUID(),
      'x-model': model,
      'x-usage': `${usage?.prompt_tokens ?? 0} ${usage?.completion_tokens ?? 0}`,
    };
    return new Response(text, { status: answer.status, headers });
  },
};
