// Package analyze measures, layer by layer, what attention does to the tokens of a model: whether they become alike (rank collapse),
// what the attention matrix looks like, and how large the gradients are that reach its logits and its queries. The measures are
// those with which Heo and Choi (arXiv 2410.15578) argue for generalised probabilistic attention, and Dong et al. (arXiv 2103.03404)
// against attention alone; docs/analyze.md gives the formula of each.
//
// Everything is computed in float64 from the values that the reference runtime computes in the model's own types.
package analyze
