"""`PlanScheduler` inside real pipelines of diffusers, with small random weights: they give what `sample`
gives."""

import threading
import warnings

import numpy as np
import pytest
import torch

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import diffusers
    from diffusers import AutoencoderKL, StableDiffusionImg2ImgPipeline, StableDiffusionPipeline
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer


from duhamel import sampling
from duhamel.sampling.diffusers import PlanScheduler

CHOICES = [{}, {"rule": "unipc", "order": 3}, {"rule": "heun", "grid": "config"}]
LATENT = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1}


def seeded(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def random_weights(make):
    """A module with seeded weights, made without a word."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        return make().eval().requires_grad_(False)


def quiet(pipe):
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.fixture(scope="module")
def pixels():
    blocks = {"down_block_types": ("DownBlock2D",) * 2, "up_block_types": ("UpBlock2D",) * 2}
    return random_weights(
        lambda: diffusers.UNet2DModel(
            sample_size=8, layers_per_block=1, block_out_channels=(8, 16), norm_num_groups=4, **blocks
        )
    )


@pytest.fixture(scope="module")
def latent():
    """A latent text-to-image pipeline whose tokens are letters."""
    letters = [chr(97 + k) for k in range(26)]
    words = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    tokenizer = CLIPTokenizer(vocab={word: k for k, word in enumerate(words)}, merges=[], model_max_length=16)
    text = CLIPTextConfig(
        vocab_size=54,
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=16,
        bos_token_id=52,
        eos_token_id=53,
        pad_token_id=53,
    )
    parts = {
        "unet": random_weights(
            lambda: diffusers.UNet2DConditionModel(
                sample_size=8,
                layers_per_block=1,
                block_out_channels=(8, 16),
                norm_num_groups=4,
                cross_attention_dim=16,
                attention_head_dim=4,
                down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
                up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            )
        ),
        "vae": random_weights(
            lambda: AutoencoderKL(
                block_out_channels=(8,), norm_num_groups=4, latent_channels=4, sample_size=8
            )
        ),
        "text_encoder": random_weights(lambda: CLIPTextModel(text)),
        "tokenizer": tokenizer,
        "scheduler": diffusers.PNDMScheduler(skip_prk_steps=True, **LATENT),
        "safety_checker": None,
        "feature_extractor": None,
    }
    return quiet(StableDiffusionPipeline(**parts, requires_safety_checker=False))


def guided(pipe, scale=7.5, prompt="a cat"):
    """What the pipeline asks of its network, as a model for `sample`."""
    with torch.no_grad():
        embedded, empty = pipe.encode_prompt(prompt, "cpu", 1, True)
    both = torch.cat([empty, embedded])

    def model(x, t):
        without, within = pipe.unet(torch.cat([x] * 2), t, encoder_hidden_states=both).sample.chunk(2)
        return without + scale * (within - without)

    return model


def picture(x):
    return (x / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).numpy()


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("name", ["DDPMPipeline", "DDIMPipeline"])
def test_pixels(pixels, name, choice):
    pipe = quiet(getattr(diffusers, name)(unet=pixels, scheduler=diffusers.DDPMScheduler()))
    pipe.scheduler = PlanScheduler.from_config(pipe.scheduler.config, **choice)
    assert pipe.scheduler.config.clip_sample
    found = pipe(
        batch_size=2, generator=torch.Generator().manual_seed(1), num_inference_steps=4, output_type="np"
    ).images
    x = seeded(2, 3, 8, 8, seed=1)
    plan = pipe.scheduler.plan
    hook = {"on_x0": lambda estimate: estimate.clamp(-1, 1)}
    expected = sampling.sample(lambda x, t: pixels(x, t).sample, x, plan, **hook)
    np.testing.assert_allclose(found, picture(expected), atol=2e-6)


def test_a_pipeline_goes_to_disk_and_back(pixels, tmp_path):
    pipe = quiet(diffusers.DDPMPipeline(unet=pixels, scheduler=PlanScheduler(rule="unipc", order=3)))
    pipe.save_pretrained(tmp_path)
    again = quiet(diffusers.DDPMPipeline.from_pretrained(tmp_path))
    assert isinstance(again.scheduler, PlanScheduler)
    assert again.scheduler.config.order == 3
    first, second = (
        p(generator=torch.Generator().manual_seed(1), num_inference_steps=3, output_type="np").images
        for p in (pipe, again)
    )
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("choice", CHOICES)
def test_latents_from_text(latent, choice):
    pipe = quiet(StableDiffusionPipeline(**latent.components, requires_safety_checker=False))
    pipe.scheduler = PlanScheduler.from_config(latent.scheduler.config, **choice)
    x = seeded(1, 4, 8, 8)
    found = pipe("a cat", num_inference_steps=4, height=8, width=8, latents=x, output_type="latent").images
    plan = pipe.scheduler.plan
    assert plan.schedule == sampling.Discrete.scaled_linear()
    assert plan.predicts == "eps"
    torch.testing.assert_close(found, sampling.sample(guided(pipe), x, plan), rtol=1e-4, atol=1e-4)
    if not choice:
        assert plan == sampling.plan(sampling.Discrete.scaled_linear(), steps=4)
        times = [900, 500, 200]
        pipe("a cat", timesteps=times, height=8, width=8, latents=x, output_type="latent")
        assert pipe.scheduler.timesteps.tolist() == pytest.approx(times)
        pipe("a cat", sigmas=[14.6, 3.0, 0.5], height=8, width=8, latents=x, output_type="latent")
        assert pipe.scheduler.sigmas.tolist() == pytest.approx([14.6, 3.0, 0.5, 0.0], rel=1e-3)


@pytest.mark.parametrize("choice", [{}, {"rule": "heun"}])
def test_image_to_image(latent, choice):
    pipe = quiet(StableDiffusionImg2ImgPipeline(**latent.components, requires_safety_checker=False))
    pipe.scheduler = PlanScheduler.from_config(latent.scheduler.config, **choice)
    image, noise = seeded(1, 4, 8, 8, seed=4), seeded(1, 4, 8, 8, seed=1)
    found = pipe(
        "a cat",
        image=image,
        strength=0.5,
        num_inference_steps=6,
        output_type="latent",
        generator=torch.Generator().manual_seed(1),
    ).images
    whole = pipe.scheduler.plan
    begin = 3 * pipe.scheduler.order
    grid = [*dict.fromkeys(whole.t[begin:].tolist()), 0.0]
    plan = sampling.plan(whole.schedule, choice.get("rule", "default"), steps=3, grid=grid, start=grid[0])
    x = float(plan.alpha[0]) * image + float(plan.sigma[0]) * noise
    torch.testing.assert_close(found, sampling.sample(guided(pipe), x, plan), rtol=1e-3, atol=1e-3)


def flow_parts():
    vae = {
        "block_out_channels": (8,),
        "norm_num_groups": 4,
        "sample_size": 8,
        "shift_factor": 0.0,
        "scaling_factor": 1.0,
    }
    texts = dict.fromkeys(("text_encoder", "tokenizer", "text_encoder_2", "tokenizer_2"))
    return vae, texts


def test_flow():
    vae, texts = flow_parts()
    transformer = random_weights(
        lambda: diffusers.SD3Transformer2DModel(
            sample_size=8,
            patch_size=1,
            in_channels=4,
            num_layers=1,
            attention_head_dim=8,
            num_attention_heads=2,
            caption_projection_dim=16,
            joint_attention_dim=16,
            pooled_projection_dim=16,
            out_channels=4,
            pos_embed_max_size=8,
        )
    )
    with torch.no_grad():  # the last layer begins at zero
        transformer.proj_out.weight.copy_(0.1 * seeded(*transformer.proj_out.weight.shape))
    parts = {
        "vae": random_weights(lambda: AutoencoderKL(latent_channels=4, **vae)),
        "text_encoder_3": None,
        "tokenizer_3": None,
    }
    theirs = diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0)
    pipe = quiet(
        diffusers.StableDiffusion3Pipeline(transformer=transformer, scheduler=theirs, **parts, **texts)
    )
    pipe.scheduler = PlanScheduler.from_config(pipe.scheduler.config)
    words, pooled = seeded(1, 4, 16, seed=2), seeded(1, 16, seed=3)
    x = seeded(1, 4, 8, 8)
    given = {
        "prompt_embeds": words,
        "pooled_prompt_embeds": pooled,
        "guidance_scale": 1.0,
        "latents": x,
        "output_type": "latent",
    }
    found = pipe(**given, num_inference_steps=5, height=8, width=8).images
    plan = pipe.scheduler.plan
    assert plan.schedule == sampling.Flow(shift=3.0, model_scale=1000.0)
    assert plan.predicts == "flow"

    def model(x, t):
        return transformer(
            x, timestep=t.expand(1), encoder_hidden_states=words, pooled_projections=pooled
        ).sample

    torch.testing.assert_close(found, sampling.sample(model, x, plan), rtol=1e-5, atol=1e-5)
    assert float((found - x).abs().max()) > 0.1
    # sigmas that a caller gives are shifted once, as diffusers does
    pipe(**given, sigmas=[1.0, 0.6, 0.2], height=8, width=8)
    theirs.set_timesteps(sigmas=[1.0, 0.6, 0.2])
    torch.testing.assert_close(pipe.scheduler.sigmas, theirs.sigmas)
    torch.testing.assert_close(pipe.scheduler.timesteps, theirs.timesteps)


def test_flow_with_a_shift_from_the_size():
    vae, texts = flow_parts()
    transformer = random_weights(
        lambda: diffusers.FluxTransformer2DModel(
            patch_size=1,
            in_channels=4,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=16,
            pooled_projection_dim=16,
            axes_dims_rope=(4, 4, 8),
        )
    )
    theirs = diffusers.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True)
    parts = {
        "vae": random_weights(lambda: AutoencoderKL(latent_channels=1, **vae)),
        "transformer": transformer,
    }
    pipe = quiet(diffusers.FluxPipeline(scheduler=theirs, **parts, **texts))
    given = {
        "prompt_embeds": seeded(1, 4, 16),
        "pooled_prompt_embeds": seeded(1, 16),
        "num_inference_steps": 4,
        "height": 8,
        "width": 8,
        "output_type": "latent",
    }
    pipe(**given, generator=torch.Generator().manual_seed(0))
    pipe.scheduler = PlanScheduler.from_config(theirs.config, rule="ddim", linear="flow", grid="uniform")
    pipe(**given, generator=torch.Generator().manual_seed(0))
    # Euler on their grid of 1 … 1/n, with their shift
    torch.testing.assert_close(pipe.scheduler.sigmas, theirs.sigmas, rtol=0.0, atol=1e-6)


def test_two_pipelines_in_threads_share_a_scheduler(latent):
    shared = PlanScheduler.from_config(latent.scheduler.config)
    inputs, steps, found = [seeded(1, 4, 8, 8, seed=k) for k in range(2)], (3, 5), [None, None]

    def run(k, scheduler):
        pipe = quiet(
            StableDiffusionPipeline(
                **latent.components | {"scheduler": scheduler}, requires_safety_checker=False
            )
        )
        return pipe(
            "a cat", num_inference_steps=steps[k], height=8, width=8, latents=inputs[k], output_type="latent"
        ).images

    def work(k):
        found[k] = [run(k, shared) for _ in range(2)]

    expected = [run(k, PlanScheduler.from_config(latent.scheduler.config)) for k in range(2)]
    threads = [threading.Thread(target=work, args=(k,)) for k in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k in range(2):
        for one in found[k]:
            torch.testing.assert_close(one, expected[k], rtol=1e-5, atol=1e-5)
