import { mapOrmError, toProblemResponse, withRequestContext } from 'mikro-orm-web';
import { addArticle, findArticles, parseArticle, toJson } from './articles.ts';
import { Article, Tag } from './entities.ts';
import { orm } from './orm.ts';
import { articlePage, articlesPage, guestbookPage, problemPage } from './pages.ts';
import { samples } from './samples.ts';
import { countVisit } from './visits.ts';

export { Guestbook } from './guestbook.ts';

type Handler = (request: Request, env: Cloudflare.Env, ctx: ExecutionContext, name: string) => Promise<Response>;

const problem = (status: number, title: string, more: object = {}): Response =>
  Response.json(
    { type: 'about:blank', status, title, ...more },
    { status, headers: { 'content-type': 'application/problem+json' } },
  );
const redirect = (location: string): Response => new Response(null, { status: 303, headers: { location } });
const tagOf = (request: Request): string | null => new URL(request.url).searchParams.get('tag');

const routes: Record<string, Handler> = {
  'GET /': request =>
    withRequestContext(orm, async em => articlesPage(await findArticles(em, tagOf(request)), tagOf(request))),

  'GET /articles/*': (_request, _env, _ctx, slug) =>
    withRequestContext(orm, async em =>
      articlePage(await em.findOneOrFail(Article, { slug }, { populate: ['author', 'tags'] })),
    ),

  'POST /samples': () =>
    withRequestContext(orm, async em => {
      for (const article of samples) {
        await addArticle(em, article);
      }
      return redirect('/');
    }),

  'GET /guestbook': async (_request, env) => guestbookPage(await env.GUESTBOOK.getByName('main').read()),

  'POST /guestbook': async (request, env) => {
    const text = (await request.formData()).get('text');
    await env.GUESTBOOK.getByName('main').sign(String(text ?? '').slice(0, 200));
    return redirect('/guestbook');
  },

  'GET /api/articles': request =>
    withRequestContext(orm, async em => Response.json({ items: toJson(await findArticles(em, tagOf(request))) })),

  'POST /api/articles': async request => {
    const input = parseArticle(await request.json().catch(() => undefined));
    if (Array.isArray(input)) {
      return problem(422, 'Invalid value', { errors: input });
    }
    return withRequestContext(orm, async em => {
      const article = await addArticle(em, input);
      return Response.json(toJson([article])[0], { status: 201, headers: { location: `/articles/${article.slug}` } });
    });
  },

  'GET /api/tags': () =>
    withRequestContext(orm, async em => Response.json({ items: await em.findAll(Tag, { orderBy: { name: 'asc' } }) })),

  'GET /api/visits': async (_request, env, ctx) =>
    env.HYPERDRIVE
      ? Response.json({ visits: await countVisit(ctx) })
      : problem(503, 'There is no PostgreSQL. Start with DATABASE_URL, or bind HYPERDRIVE'),
};

export default {
  async fetch(request, env, ctx): Promise<Response> {
    const { pathname } = new URL(request.url);
    const [, folder, name = ''] = /^(\/articles\/)([^/]+)$/.exec(pathname) ?? [];
    const handler = routes[`${request.method} ${folder ? `${folder}*` : pathname}`];
    const isApi = pathname.startsWith('/api/');
    if (!handler) {
      return isApi ? problem(404, 'Not found') : problemPage('Not found', 404);
    }
    try {
      return await handler(request, env, ctx, decodeURIComponent(name));
    } catch (error) {
      const found = mapOrmError(error, { orm, signal: request.signal });
      if (!found) {
        throw error;
      }
      if (found.status >= 500) {
        // not its message, which may hold values
        console.error(JSON.stringify({ code: found.code, entity: found.entity, name: (error as Error).name }));
      }
      return isApi ? toProblemResponse(found) : problemPage(found.title, found.status);
    }
  },
} satisfies ExportedHandler<Cloudflare.Env>;
