declare <8 x float> @llvm.fma.v8f32(<8 x float>, <8 x float>, <8 x float>)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare void @llvm.x86.sse.stmxcsr(ptr)
declare void @llvm.x86.sse.ldmxcsr(ptr)

; product, 2 × 16; summed over 3; vectors along axis 1, tiles along axis 0: x, w, b -> maximum
define internal void @k0(ptr %table, ptr %arena, i64 %tid, i64 %threads) nounwind {
entry:
  %p1 = getelementptr inbounds ptr, ptr %table, i64 1
  %p2 = load ptr, ptr %p1, align 8
  %p3 = getelementptr inbounds ptr, ptr %table, i64 2
  %p4 = load ptr, ptr %p3, align 8
  %p5 = getelementptr inbounds ptr, ptr %table, i64 3
  %p6 = load ptr, ptr %p5, align 8
  %p7 = getelementptr inbounds ptr, ptr %table, i64 5
  %p8 = load ptr, ptr %p7, align 8
  br label %loop9
loop9:
  %i11 = phi i64 [0, %entry], [%v35, %loop9]
  %c12 = phi <8 x float> [splat (float 0x0000000000000000), %entry], [%v29, %loop9]
  %c13 = phi <8 x float> [splat (float 0x0000000000000000), %entry], [%v30, %loop9]
  %c14 = phi <8 x float> [splat (float 0x0000000000000000), %entry], [%v33, %loop9]
  %c15 = phi <8 x float> [splat (float 0x0000000000000000), %entry], [%v34, %loop9]
  %p16 = getelementptr inbounds float, ptr %p2, i64 %i11
  %v17 = load float, ptr %p16, align 4
  %v18 = add i64 %i11, 3
  %p19 = getelementptr inbounds float, ptr %p2, i64 %v18
  %v20 = load float, ptr %p19, align 4
  %v21 = mul i64 %i11, 16
  %p22 = getelementptr inbounds float, ptr %p4, i64 %v21
  %v23 = load <8 x float>, ptr %p22, align 4
  %v24 = add i64 %v21, 8
  %p25 = getelementptr inbounds float, ptr %p4, i64 %v24
  %v26 = load <8 x float>, ptr %p25, align 4
  %p27 = insertelement <8 x float> poison, float %v17, i32 0
  %v28 = shufflevector <8 x float> %p27, <8 x float> poison, <8 x i32> zeroinitializer
  %v29 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v28, <8 x float> %v23, <8 x float> %c12)
  %v30 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v28, <8 x float> %v26, <8 x float> %c13)
  %p31 = insertelement <8 x float> poison, float %v20, i32 0
  %v32 = shufflevector <8 x float> %p31, <8 x float> poison, <8 x i32> zeroinitializer
  %v33 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v32, <8 x float> %v23, <8 x float> %c14)
  %v34 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v32, <8 x float> %v26, <8 x float> %c15)
  %v35 = add i64 %i11, 1
  %v36 = icmp slt i64 %v35, 3
  br i1 %v36, label %loop9, label %done10
done10:
  %v37 = load <8 x float>, ptr %p6, align 4
  %v38 = fadd contract <8 x float> %v29, %v37
  %v39 = fcmp ogt <8 x float> splat (float 0x0000000000000000), %v38
  %v40 = select <8 x i1> %v39, <8 x float> splat (float 0x0000000000000000), <8 x float> %v38
  store <8 x float> %v40, ptr %p8, align 4
  %p41 = getelementptr inbounds float, ptr %p6, i64 8
  %v42 = load <8 x float>, ptr %p41, align 4
  %v43 = fadd contract <8 x float> %v30, %v42
  %v44 = fcmp ogt <8 x float> splat (float 0x0000000000000000), %v43
  %v45 = select <8 x i1> %v44, <8 x float> splat (float 0x0000000000000000), <8 x float> %v43
  %p46 = getelementptr inbounds float, ptr %p8, i64 8
  store <8 x float> %v45, ptr %p46, align 4
  %v47 = fadd contract <8 x float> %v33, %v37
  %v48 = fcmp ogt <8 x float> splat (float 0x0000000000000000), %v47
  %v49 = select <8 x i1> %v48, <8 x float> splat (float 0x0000000000000000), <8 x float> %v47
  %p50 = getelementptr inbounds float, ptr %p8, i64 16
  store <8 x float> %v49, ptr %p50, align 4
  %v51 = fadd contract <8 x float> %v34, %v42
  %v52 = fcmp ogt <8 x float> splat (float 0x0000000000000000), %v51
  %v53 = select <8 x i1> %v52, <8 x float> splat (float 0x0000000000000000), <8 x float> %v51
  %p54 = getelementptr inbounds float, ptr %p8, i64 24
  store <8 x float> %v53, ptr %p54, align 4
  ret void
}

define internal i64 @step(ptr %table, ptr %arena, i64 %tid, i64 %threads, ptr %sync) nounwind {
entry:
  call void @k0(ptr %table, ptr %arena, i64 %tid, i64 %threads)
  ret i64 1
}

define  void @run(ptr %arena, i64 %tid, i64 %threads, ptr %sync, ptr %args) nounwind {
entry:
  %table = alloca [6 x ptr], align 64
  call void @llvm.memcpy.p0.p0.i64(ptr %table, ptr %args, i64 48, i1 false)
  %p1 = alloca i32, align 4
  %p2 = alloca i32, align 4
  call void @llvm.x86.sse.stmxcsr(ptr %p1)
  %p3 = load i32, ptr %p1, align 4
  %p4 = or i32 %p3, 32832
  store i32 %p4, ptr %p2, align 4
  call void @llvm.x86.sse.ldmxcsr(ptr %p2)
  %ok = call i64 @step(ptr %table, ptr %arena, i64 %tid, i64 %threads, ptr %sync)
  call void @llvm.x86.sse.ldmxcsr(ptr %p1)
  ret void
}

