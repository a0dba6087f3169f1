import type { Article } from './entities.ts';

const escape = (text: string): string => text.replace(/[&<>"']/g, char => `&#${char.charCodeAt(0)};`);

function page(title: string, body: string): Response {
  const html = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width">
    <title>${escape(title)}</title>
    <style>
      body { max-width: 42rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 system-ui; color: #222; }
      a { color: #0a58ca; } article { margin: 1.5rem 0; } .tag { margin-right: 0.5rem; font-size: 0.875rem; }
    </style>
  </head>
  <body>
    <nav><a href="/">Articles</a> · <a href="/guestbook">Guestbook</a></nav>
    <h1>${escape(title)}</h1>
    ${body}
  </body>
</html>`;
  return new Response(html, { headers: { 'content-type': 'text/html; charset=utf-8' } });
}

const tagLinks = (article: Article): string =>
  article.tags
    .map(({ name }) => `<a class="tag" href="/?tag=${encodeURIComponent(name)}">${escape(name)}</a>`)
    .join('');

export const articlesPage = (articles: Article[], tag: string | null): Response =>
  page(
    tag ? `Articles about ${tag}` : 'Articles',
    articles
      .map(
        article => `<article>
          <h2><a href="/articles/${encodeURIComponent(article.slug)}">${escape(article.title)}</a></h2>
          <p>by ${escape(article.author.fullName)}</p>${tagLinks(article)}
        </article>`,
      )
      .join('') ||
      '<p>There is none yet.</p><form method="post" action="/samples"><button>Add sample data</button></form>',
  );

export const articlePage = (article: Article): Response =>
  page(article.title, `<p>by ${escape(article.author.fullName)}</p><p>${escape(article.text)}</p>${tagLinks(article)}`);

export const guestbookPage = (entries: { text: string }[]): Response =>
  page(
    'Guestbook',
    `<form method="post"><input name="text" required maxlength="200" aria-label="Text"> <button>Sign</button></form>
    <ul>${entries.map(({ text }) => `<li>${escape(text)}</li>`).join('')}</ul>`,
  );

export function problemPage(title: string, status: number): Response {
  const response = page(title, '<p><a href="/">Back to the articles</a></p>');
  return new Response(response.body, { status, headers: response.headers });
}
