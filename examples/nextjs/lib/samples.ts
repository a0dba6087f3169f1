import { randomUUID } from 'node:crypto';
import type { EntityManager } from '@mikro-orm/sql';
import { Article } from './entities/article.ts';
import { Comment } from './entities/comment.ts';
import { Tag } from './entities/tag.ts';
import { User } from './entities/user.ts';

const users = [
  { fullName: 'Ada Lovelace', email: 'ada@example.com', social: { website: 'https://example.com/ada' } },
  { fullName: 'Grace Hopper', email: 'grace@example.com', social: { github: 'grace-hopper' } },
  { fullName: 'Edgar Codd', email: 'edgar@example.com' },
  { fullName: 'Barbara Liskov', email: 'barbara@example.com' },
  { fullName: 'Alan Kay', email: 'alan@example.com' },
  { fullName: 'Margaret Hamilton', email: 'margaret@example.com' },
  { fullName: 'Donald Knuth', email: 'donald@example.com' },
];

const articles = [
  {
    title: 'Notes on the Analytical Engine',
    author: 'ada@example.com',
    description: 'What a machine that weaves algebraic patterns can do, and what it cannot.',
    text: 'The engine has no pretensions to originate anything. It can do whatever we know how to order it to perform.\n\nNote G shows how: it computes the Bernoulli numbers, step by step, with every operation written in a table.',
    tags: ['history', 'algorithms'],
    comments: [
      ['grace@example.com', 'Every programmer should read Note G once.'],
      ['donald@example.com', 'There is a small mistake in operation 4, but what a program!'],
    ],
  },
  {
    title: 'A Relational Model of Data',
    author: 'edgar@example.com',
    description: 'Users of large data banks must be protected from having to know how the data is organized.',
    text: 'Tables, keys and a few operations on sets are enough. How the rows lie on the disk is the business of the machine, and may change without any program noticing.',
    tags: ['databases', 'history'],
    comments: [
      ['barbara@example.com', 'Data independence is abstraction, too.'],
      ['ada@example.com', 'Patterns again. I approve.'],
      ['alan@example.com', 'Then somebody put objects on top.'],
    ],
  },
  {
    title: 'Nanoseconds You Can Hold',
    author: 'grace@example.com',
    description: 'Thirty centimetres of wire explain why round trips are slow.',
    text: 'Light travels about thirty centimetres in a nanosecond. Hang that wire above your desk, and think of it before you send a query inside a loop.',
    tags: ['performance', 'databases'],
    comments: [['edgar@example.com', 'One query for the whole set, then.']],
  },
  {
    title: 'Premature Optimization',
    author: 'donald@example.com',
    description: 'The rest of the sentence is the important part.',
    text: 'We should forget about small efficiencies, say about 97% of the time. Yet we should not pass up our opportunities in that critical 3%.',
    tags: ['performance', 'algorithms'],
    comments: [],
  },
];

/** Adds what is missing of the sample data, so that calling it twice is the same as calling it once. */
export async function addSamples(em: EntityManager): Promise<void> {
  const authors = new Map((await em.findAll(User)).map(user => [user.email, user]));
  const tags = new Map((await em.findAll(Tag)).map(tag => [tag.name, tag]));
  const titles = new Set((await em.findAll(Article, { fields: ['title'] })).map(article => article.title));

  for (const user of users.filter(user => !authors.has(user.email))) {
    authors.set(user.email, em.create(User, { ...user, password: randomUUID() }));
  }
  for (const { author, tags: names, comments, ...article } of articles.filter(({ title }) => !titles.has(title))) {
    for (const name of names.filter(name => !tags.has(name))) tags.set(name, em.create(Tag, { name }));
    const created = em.create(Article, {
      ...article,
      author: authors.get(author)!,
      tags: names.map(name => tags.get(name)!),
    });
    for (const [email, text] of comments) {
      em.create(Comment, { article: created, author: authors.get(email!)!, text: text! });
    }
  }
  await em.flush();
}
