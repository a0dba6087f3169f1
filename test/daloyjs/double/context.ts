import { badRequest, internal, invalid, unsupportedMediaType } from './errors.ts';
import { check } from './schema.ts';
import type { HookContext, Route } from './types.ts';

/** The parameters in a path, if it matches the template. */
export function matchPath(template: string, path: string): Record<string, string> | undefined {
  const [expected, given] = [template.split('/'), path.split('/')];
  const params: Record<string, string> = {};
  if (expected.length !== given.length) return undefined;
  for (const [index, part] of expected.entries()) {
    const value = decodeURIComponent(given[index]!);
    if (part.startsWith(':') && value) params[part.slice(1)] = value;
    else if (part !== value) return undefined;
  }
  return params;
}

/** Checks what a route declares schemas for, and puts what they make of it in place. */
export async function validate(ctx: HookContext, route: Route): Promise<void> {
  const { params, query, headers, body } = route.request ?? {};
  for (const [part, schema] of Object.entries({ params, query, headers, body })) {
    if (!schema) continue;
    const given = part === 'body' ? await readJson(ctx.request) : ctx[part as 'params'];
    const checked = await check(schema, given);
    if ('errors' in checked) throw invalid(part, checked.errors);
    Object.assign(ctx, { [part]: checked.value });
  }
}

async function readJson(request: Request): Promise<unknown> {
  if (!request.headers.get('content-type')?.includes('application/json')) throw unsupportedMediaType();
  const text = await request.text();
  try {
    return text ? JSON.parse(text) : undefined;
  } catch {
    throw badRequest('Invalid JSON');
  }
}

/** Makes the response of what a handler returned: checked, and stripped of what the schema does not declare. */
export async function respond(result: unknown, route: Route): Promise<Response> {
  if (result instanceof Response) {
    if (!route.acknowledgeNoResponseBodySchema) throw internal('Raw Response refused');
    return result;
  }
  const { status, body, headers = {} } = result as { status: number; body: unknown; headers?: Record<string, string> };
  const spec = route.responses[status];
  if (!spec) throw internal(`Status ${status} is not declared`);
  const checked = spec.body ? await check(spec.body, body) : { value: body };
  if ('errors' in checked) throw internal('The response body failed validation');
  const text = checked.value === undefined || checked.value === null ? null : JSON.stringify(checked.value);
  return new Response(text, { status, headers: { 'content-type': 'application/json', ...headers } });
}
