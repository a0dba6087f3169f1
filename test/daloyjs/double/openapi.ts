import { jsonSchema } from './schema.ts';
import type { Route } from './types.ts';

export interface OpenAPIOptions {
  info: { title: string; version: string };
}

/** The OpenAPI document of an app's routes. */
export function generateOpenAPI(app: { readonly routes: Route[] }, { info }: OpenAPIOptions): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const { method, path, operationId, summary, tags, request, responses } of app.routes) {
    const operations = (paths[path.replace(/:(\w+)/g, '{$1}')] ??= {});
    operations[method.toLowerCase()] = {
      operationId,
      summary,
      tags,
      ...(request?.body && {
        requestBody: { content: { 'application/json': { schema: jsonSchema(request.body) } } },
      }),
      responses: Object.fromEntries(
        Object.entries(responses).map(([status, spec]) => [
          status,
          {
            description: spec?.description,
            ...(spec?.body && { content: { 'application/json': { schema: jsonSchema(spec.body) } } }),
          },
        ]),
      ),
    };
  }
  return { openapi: '3.1.0', info, paths };
}
