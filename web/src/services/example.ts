/** The part of a JSON Schema that the inputs of models have. */
type Schema = {
  type?: string | string[];
  oneOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
};
type Content = { example?: unknown; schema?: Schema };
type Described = { paths?: Record<string, { post?: { requestBody?: { content?: Record<string, Content> } } }> };

/** A request to begin with: the one that the service's description has, or one of its form. */
export function exampleOf(openapi: Record<string, unknown>): unknown {
  const json = (openapi as Described).paths?.["/score"]?.post?.requestBody?.content?.["application/json"];
  return json?.example ?? formed(json?.schema ?? {}) ?? [];
}

function formed({ type, oneOf, items, properties }: Schema): unknown {
  if (oneOf?.[0]) return formed(oneOf[0]);
  switch (Array.isArray(type) ? type[0] : type) {
    case "array":
      return items ? [formed(items)] : [];
    case "object":
      return Object.fromEntries(Object.entries(properties ?? {}).map(([name, schema]) => [name, formed(schema)]));
    case "number":
    case "integer":
      return 0;
    case "boolean":
      return false;
    case "string":
      return "";
    default:
      return null;
  }
}
